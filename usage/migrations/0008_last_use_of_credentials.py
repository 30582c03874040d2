"""When a credential was last used is one look-up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("usage", "0007_sums_of_all_keys_and_deployments")]

    operations = [
        migrations.AddIndex(
            "attemptrecord",
            models.Index(
                fields=["provider", "credential", "request_id"],
                condition=models.Q(("credential__isnull", False)),
                name="attempt_credential",
            ),
        ),
    ]

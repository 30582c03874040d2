from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("providers", "0010_audit_request_id")]

    operations = [
        migrations.AddField(
            "credential",
            "expires_at",
            models.DateTimeField(
                blank=True, help_text="From then on it is not presented any more. Empty: never.", null=True
            ),
        ),
    ]

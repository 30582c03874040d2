"""A key may be kept from some of what its tenant may; the empty lists of those that are there take nothing away."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0010_keep_bodies")]

    operations = [
        migrations.AddField(
            model_name="clientkey",
            name=f"allow_{part}",
            field=models.JSONField(blank=True, default=list, verbose_name=part),
        )
        for part in ("models", "policies", "routes")
    ]

"""Requests that failed over, and attempts of all tenants together, are read from indexes that hold nothing else."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("usage", "0019_split_savings")]

    operations = [
        migrations.AddIndex(
            "requestrecord",
            models.Index(fields=["id"], condition=models.Q(("failovers__gt", 0)), name="request_failed_over_id"),
        ),
        migrations.AddIndex(
            "attemptrollup",
            models.Index(
                fields=[
                    *("grain", "bucket", "provider", "model", "ended"),
                    *("attempts", "retries", "completion_tokens", "generation_us"),
                ],
                condition=models.Q(("tenant_id", 0)),
                name="attempt_rollup_shared",
            ),
        ),
    ]

"""What requests of a tenant add up to whatever the key, and latencies whatever the deployment, is kept as a sum too."""

from typing import Any

from django.db import migrations, models


def add_sums(apps: Any, schema_editor: Any) -> None:
    """Make the coarse sums of what is there from the fine ones."""
    requests = apps.get_model("usage", "RequestRollup")
    latencies = apps.get_model("usage", "LatencyRollup")
    kept = {"key_id": "0"}
    _sum_up(schema_editor, requests, kept, "tenant_id > 0 AND key_id > 0")
    _sum_up(schema_editor, latencies, {"provider": "''", "model": "''"}, "provider <> ''")


def _sum_up(schema_editor: Any, model: Any, fixed: dict[str, str], where: str) -> None:
    table = model._meta.db_table
    keys = [field.attname for field in model._meta.pk_fields]
    sums = [field.attname for field in model._meta.concrete_fields if field.attname not in keys]
    values = [fixed.get(key, key) for key in keys] + [f"CAST(SUM({column}) AS bigint)" for column in sums]
    schema_editor.execute(
        f"INSERT INTO {table} ({', '.join(keys + sums)}) SELECT {', '.join(values)} FROM {table}"
        f" WHERE {where} GROUP BY {', '.join(key for key in keys if key not in fixed)}"
    )


def remove_sums(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("DELETE FROM usage_requestrollup WHERE tenant_id > 0 AND key_id = 0")
    schema_editor.execute("DELETE FROM usage_latencyrollup WHERE provider = '' AND model = ''")


class Migration(migrations.Migration):
    dependencies = [("usage", "0006_verb_cancel_request")]

    operations = [
        migrations.RunPython(add_sums, remove_sums),
        migrations.AddIndex(
            "requestrollup", models.Index(fields=["key_id", "grain", "bucket"], name="request_rollup_key")
        ),
        migrations.AddIndex(
            "latencyrollup",
            models.Index(
                fields=["tenant_id", "metric", "grain", "bucket", "slot", "requests"],
                condition=models.Q(("model", ""), ("provider", "")),
                name="latency_rollup_shared",
            ),
        ),
    ]

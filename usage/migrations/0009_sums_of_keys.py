"""What requests of a key add up to, whatever answered them, is kept as a sum too; those of a model lie in an index."""

from typing import Any

from django.db import migrations, models

KEYS = ("tenant_id", "grain", "bucket", "key_id")
SUMS = (
    *("requests", "answered", "failed", "rejected", "cancelled", "interrupted", "streamed", "failed_over"),
    *("failovers", "attempts", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"),
    *("estimated", "priced", "unpriced", "cost_nano_usd"),
)


def add_sums(apps: Any, schema_editor: Any) -> None:
    """Make the coarse sums of what is there from the fine ones."""
    keys, values = ", ".join(KEYS), ", ".join(f"CAST(SUM({column}) AS bigint)" for column in SUMS)
    schema_editor.execute(
        f"INSERT INTO usage_keyrollup ({keys}, {', '.join(SUMS)}) SELECT {keys}, {values} FROM usage_requestrollup"
        f" WHERE tenant_id > 0 AND key_id > 0 GROUP BY {keys} ORDER BY bucket"
    )


class Migration(migrations.Migration):
    dependencies = [("usage", "0008_last_use_of_credentials")]

    operations = [
        migrations.CreateModel(
            name="KeyRollup",
            fields=[
                ("tenant_id", models.BigIntegerField()),
                ("grain", models.IntegerField()),
                ("bucket", models.BigIntegerField()),
                ("key_id", models.BigIntegerField()),
                *((column, models.BigIntegerField()) for column in SUMS),
                (
                    "pk",
                    models.CompositePrimaryKey(*KEYS, blank=True, editable=False, primary_key=True, serialize=False),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["grain", "bucket"], name="key_rollup_bucket"),
                    models.Index(fields=["key_id", "grain", "bucket"], name="key_rollup_key"),
                ],
            },
        ),
        migrations.RemoveIndex("requestrollup", "request_rollup_bucket"),
        migrations.AddIndex(
            "requestrollup",
            models.Index(fields=["grain", "bucket", "provider", "model"], name="request_rollup_bucket"),
        ),
        migrations.RunPython(add_sums, migrations.RunPython.noop),
    ]

"""What requests of a key add up to, whatever answered them, is kept as a sum too."""

from importlib import import_module
from typing import Any

from django.db import migrations, models

_sum_up = import_module("usage.migrations.0007_sums_of_all_keys_and_deployments")._sum_up


def add_sums(apps: Any, schema_editor: Any) -> None:
    """Make the coarse sums of what is there from the fine ones."""
    whatever = {"provider": "'*'", "model": "'*'", "policy": "'*'"}
    _sum_up(schema_editor, apps.get_model("usage", "RequestRollup"), whatever, "tenant_id > 0 AND key_id > 0")


def remove_sums(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("DELETE FROM usage_requestrollup WHERE provider = '*'")


class Migration(migrations.Migration):
    dependencies = [("usage", "0008_last_use_of_credentials")]

    operations = [
        migrations.RunPython(add_sums, remove_sums),
        migrations.AddIndex(
            "requestrollup",
            models.Index(
                fields=["grain", "bucket"],
                include=[
                    *("tenant_id", "key_id", "requests", "answered", "failed", "rejected", "cancelled", "interrupted"),
                    *("streamed", "failed_over", "failovers", "attempts", "prompt_tokens", "completion_tokens"),
                    *("cached_tokens", "reasoning_tokens", "estimated", "priced", "unpriced", "cost_nano_usd"),
                ],
                condition=models.Q(("provider", "*")),
                name="request_rollup_whatever",
            ),
        ),
    ]

"""Sums of requests keep what became of the difference to a baseline; of rows from before it is not known."""

from typing import Any

from django.db import migrations, models

BASELINES = ("dearest", "asked", "first")
COLUMNS = (
    *("split", "split_local", "split_served", "split_cached", "asked_split", "first_split"),
    *(f"{baseline}_{step}" for baseline in BASELINES for step in ("routing", "cache", "further")),
)


def add_columns(apps: Any, schema_editor: Any) -> None:
    """At once in both databases: left to itself, Django copies SQLite's table for each of them."""
    for column in COLUMNS:
        schema_editor.execute(f'ALTER TABLE usage_requestrollup ADD COLUMN "{column}" bigint DEFAULT 0 NOT NULL')


def drop_columns(apps: Any, schema_editor: Any) -> None:
    for column in COLUMNS:
        schema_editor.execute(f'ALTER TABLE usage_requestrollup DROP COLUMN "{column}"')


class Migration(migrations.Migration):
    dependencies = [("usage", "0018_latencies_of_all_tenants")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunPython(add_columns, drop_columns)],
            [
                migrations.AddField("requestrollup", column, models.BigIntegerField(db_default=0))
                for column in COLUMNS
            ],
        ),
    ]

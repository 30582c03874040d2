"""Sums of requests keep what these would have cost elsewhere; of rows from before nothing is known."""

from typing import Any

from django.db import migrations, models

COLUMNS = (
    *("looked_at", "compared", "compared_estimated", "compared_paid", "compared_prompt", "compared_completion"),
    *("compared_cached", "compared_cache_write", "compared_cache_write_1h", "compared_reasoning", "compared_long"),
    *("dearest_cost", "asked", "asked_paid", "asked_cost", "first", "first_paid", "first_cost"),
)


def add_columns(apps: Any, schema_editor: Any) -> None:
    """At once in both databases: left to itself, Django copies SQLite's table for each of them."""
    for column in COLUMNS:
        schema_editor.execute(f'ALTER TABLE usage_requestrollup ADD COLUMN "{column}" bigint DEFAULT 0 NOT NULL')


def drop_columns(apps: Any, schema_editor: Any) -> None:
    for column in COLUMNS:
        schema_editor.execute(f'ALTER TABLE usage_requestrollup DROP COLUMN "{column}"')


class Migration(migrations.Migration):
    dependencies = [("usage", "0015_requests_by_error")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunPython(add_columns, drop_columns)],
            [
                migrations.AddField("requestrollup", column, models.BigIntegerField(db_default=0))
                for column in COLUMNS
            ],
        ),
    ]

"""Requests that another than the first choice answered are found by both; in SQL, for Django's Concat has parameters."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("usage", "0009_sums_of_keys")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX request_diverted ON usage_requestrecord (first_choice, provider, model, id)"
            " WHERE first_choice <> COALESCE(provider || '/' || model, '')",
            "DROP INDEX request_diverted",
        )
    ]

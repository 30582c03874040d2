"""Requests of one task are listed by time through an index; the tags they carry are looked for in a bounded window."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("usage", "0013_states_and_cost_of_rescues")]

    operations = [
        migrations.AddIndex("requestrecord", models.Index(fields=["category", "id"], name="request_task")),
    ]

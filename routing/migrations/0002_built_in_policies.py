"""The policies that every installation starts with; operators may edit or disable them."""

from django.db import migrations

BUILT_IN = {
    "balanced": (
        {"cost": 30, "latency": 40, "uptime": 30, "quality": 0},
        "A compromise for everyday traffic: quick and cheap, and up. `auto` and `auto:balanced`.",
    ),
    "cost-optimized": (
        {"cost": 75, "latency": 10, "uptime": 15, "quality": 0},
        "The cheapest deployment that can do the task and is up. `auto:cheap`.",
    ),
    "performance-first": (
        {"cost": 5, "latency": 65, "uptime": 30, "quality": 0},
        "The deployment expected to answer soonest. `auto:fast`.",
    ),
    "best-quality": (
        {"cost": 5, "latency": 5, "uptime": 15, "quality": 75},
        "The best model for this kind of task, whatever it costs. `auto:best`.",
    ),
}


def create(apps, schema_editor):
    policies = apps.get_model("routing", "Policy").objects.using(schema_editor.connection.alias)
    for name, (weights, description) in BUILT_IN.items():
        values = {"kind": "weighted", "weights": weights, "description": description}
        policies.get_or_create(name=name, defaults=values)


class Migration(migrations.Migration):
    dependencies = [("routing", "0001_initial")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]

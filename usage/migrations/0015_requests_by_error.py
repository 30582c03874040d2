"""Requests that met an error of one class are listed by time through indexes that hold failures alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("usage", "0014_requests_by_task")]

    operations = [
        migrations.AddIndex(
            "requestrecord",
            models.Index(
                fields=["error", "id"], condition=models.Q(("error__isnull", False)), name="request_error"
            ),
        ),
        migrations.AddIndex(
            "attemptrecord",
            models.Index(
                fields=["error", "request_id", "tenant_id", "deployment"],
                condition=models.Q(("error__isnull", False)),
                name="attempt_error",
            ),
        ),
    ]

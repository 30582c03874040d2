"""Attempts keep by which id the upstream knows the call; of rows from before it is not known."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('usage', '0020_indexes_of_pages'),
    ]

    operations = [
        migrations.AddField(
            model_name='attemptrecord',
            name='upstream_request_id',
            field=models.TextField(null=True),
        ),
    ]

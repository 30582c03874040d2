from django.db import migrations


class Migration(migrations.Migration):
    """Apart from 0006: PostgreSQL alters no table in the transaction that has filled rows which refer to it."""

    dependencies = [
        ('providers', '0006_prices'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='deployment',
            name='cache_write_price',
        ),
        migrations.RemoveField(
            model_name='deployment',
            name='cached_input_price',
        ),
        migrations.RemoveField(
            model_name='deployment',
            name='input_price',
        ),
        migrations.RemoveField(
            model_name='deployment',
            name='output_price',
        ),
    ]


from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('usage', '0012_kept_bodies'),
    ]

    operations = [
        migrations.AddField(
            model_name='flowrollup',
            name='rescue_nano_usd',
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name='flowrollup',
            name='rescues',
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name='flowrollup',
            name='rescues_unpriced',
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.CreateModel(
            name='StateRollup',
            fields=[
                ('tenant_id', models.BigIntegerField()),
                ('grain', models.IntegerField()),
                ('bucket', models.BigIntegerField()),
                ('pk', models.CompositePrimaryKey('tenant_id', 'grain', 'bucket', 'deployment', 'state', blank=True, editable=False, primary_key=True, serialize=False)),
                ('deployment', models.TextField()),
                ('state', models.TextField()),
                ('minutes', models.BigIntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['grain', 'bucket'], name='state_rollup_bucket')],
            },
        ),
    ]

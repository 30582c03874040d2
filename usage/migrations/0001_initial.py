from datetime import UTC, datetime

from django.db import migrations, models

from usage import partitions


class CreatePartitionedModel(migrations.CreateModel):
    """On PostgreSQL the table is partitioned by id, which is by time; elsewhere it is a plain one."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.sql_create_table += " PARTITION BY RANGE (id)"
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        vars(schema_editor).pop("sql_create_table", None)


def first_partitions(apps, schema_editor):
    partitions.ensure_ahead(datetime.now(UTC), database=schema_editor.connection)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='ShipperMark',
            fields=[
                ('segment', models.TextField(primary_key=True, serialize=False)),
                ('last_row', models.BigIntegerField()),
            ],
        ),
        CreatePartitionedModel(
            name='AttemptRecord',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('request_id', models.UUIDField()),
                ('tenant_id', models.BigIntegerField()),
                ('index', models.IntegerField()),
                ('deployment_id', models.BigIntegerField()),
                ('deployment', models.TextField()),
                ('provider', models.TextField()),
                ('model', models.TextField()),
                ('kind', models.TextField()),
                ('started_ms', models.FloatField()),
                ('first_byte_ms', models.FloatField(null=True)),
                ('first_token_ms', models.FloatField(null=True)),
                ('ended_ms', models.FloatField()),
                ('status', models.TextField()),
                ('committed', models.BooleanField()),
                ('error', models.TextField(null=True)),
                ('error_message', models.TextField(null=True)),
                ('upstream_status', models.IntegerField(null=True)),
                ('retry_after_s', models.FloatField(null=True)),
                ('credential', models.TextField(null=True)),
                ('served_model', models.TextField(null=True)),
                ('finish_reason', models.TextField(null=True)),
                ('prompt_tokens', models.BigIntegerField(null=True)),
                ('completion_tokens', models.BigIntegerField(null=True)),
                ('cached_tokens', models.BigIntegerField(null=True)),
                ('reasoning_tokens', models.BigIntegerField(null=True)),
                ('estimated', models.BooleanField()),
                ('cost_nano_usd', models.BigIntegerField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('status', 'answered'), _negated=True), fields=['deployment', 'id'], name='attempt_troubled')],
            },
        ),
        migrations.CreateModel(
            name='AttemptRollup',
            fields=[
                ('tenant_id', models.BigIntegerField()),
                ('grain', models.IntegerField()),
                ('bucket', models.BigIntegerField()),
                ('pk', models.CompositePrimaryKey('tenant_id', 'grain', 'bucket', 'provider', 'model', 'ended', blank=True, editable=False, primary_key=True, serialize=False)),
                ('provider', models.TextField()),
                ('model', models.TextField()),
                ('ended', models.TextField()),
                ('attempts', models.BigIntegerField()),
                ('retries', models.BigIntegerField()),
                ('completion_tokens', models.BigIntegerField()),
                ('generation_us', models.BigIntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['grain', 'bucket'], name='attempt_rollup_bucket')],
            },
        ),
        migrations.CreateModel(
            name='FlowRollup',
            fields=[
                ('tenant_id', models.BigIntegerField()),
                ('grain', models.IntegerField()),
                ('bucket', models.BigIntegerField()),
                ('pk', models.CompositePrimaryKey('tenant_id', 'grain', 'bucket', 'first_choice', 'served', blank=True, editable=False, primary_key=True, serialize=False)),
                ('first_choice', models.TextField()),
                ('served', models.TextField()),
                ('requests', models.BigIntegerField()),
                ('failed_over', models.BigIntegerField()),
                ('cost_nano_usd', models.BigIntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['grain', 'bucket'], name='flow_rollup_bucket')],
            },
        ),
        migrations.CreateModel(
            name='LatencyRollup',
            fields=[
                ('tenant_id', models.BigIntegerField()),
                ('grain', models.IntegerField()),
                ('bucket', models.BigIntegerField()),
                ('pk', models.CompositePrimaryKey('tenant_id', 'metric', 'grain', 'bucket', 'provider', 'model', 'slot', blank=True, editable=False, primary_key=True, serialize=False)),
                ('metric', models.TextField()),
                ('provider', models.TextField()),
                ('model', models.TextField()),
                ('slot', models.SmallIntegerField()),
                ('requests', models.BigIntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['metric', 'grain', 'bucket'], name='latency_rollup_bucket')],
            },
        ),
        CreatePartitionedModel(
            name='RequestRecord',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('tags', models.JSONField(default=list)),
                ('warnings', models.JSONField(default=list)),
                ('features', models.TextField(null=True)),
                ('decision', models.TextField(null=True)),
                ('started_us', models.BigIntegerField()),
                ('tenant_id', models.BigIntegerField()),
                ('tenant', models.TextField()),
                ('key_id', models.BigIntegerField()),
                ('key_prefix', models.TextField()),
                ('surface', models.TextField()),
                ('stream', models.BooleanField()),
                ('status', models.TextField()),
                ('http_status', models.IntegerField()),
                ('error', models.TextField(null=True)),
                ('error_code', models.TextField(null=True)),
                ('error_message', models.TextField(null=True)),
                ('asked_model', models.TextField()),
                ('policy', models.TextField(null=True)),
                ('policy_version', models.IntegerField(null=True)),
                ('deployment_id', models.BigIntegerField(null=True)),
                ('provider', models.TextField(null=True)),
                ('model', models.TextField(null=True)),
                ('served_model', models.TextField(null=True)),
                ('response_id', models.TextField(null=True)),
                ('first_choice', models.TextField(null=True)),
                ('why', models.TextField(null=True)),
                ('attempts_count', models.IntegerField()),
                ('failovers', models.IntegerField()),
                ('category', models.TextField(null=True)),
                ('complexity', models.FloatField(null=True)),
                ('modality', models.TextField(null=True)),
                ('has_tools', models.BooleanField()),
                ('session', models.TextField(null=True)),
                ('client_task', models.TextField(null=True)),
                ('finish_reason', models.TextField(null=True)),
                ('estimated_prompt_tokens', models.BigIntegerField(null=True)),
                ('prompt_tokens', models.BigIntegerField(null=True)),
                ('completion_tokens', models.BigIntegerField(null=True)),
                ('cached_tokens', models.BigIntegerField(null=True)),
                ('reasoning_tokens', models.BigIntegerField(null=True)),
                ('estimated', models.BooleanField()),
                ('forecast_low_nano_usd', models.BigIntegerField(null=True)),
                ('forecast_high_nano_usd', models.BigIntegerField(null=True)),
                ('cost_nano_usd', models.BigIntegerField(null=True)),
                ('overhead_ms', models.FloatField()),
                ('ttft_ms', models.FloatField(null=True)),
                ('total_ms', models.FloatField()),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'id'], name='request_tenant'), models.Index(fields=['key_id', 'id'], name='request_key'), models.Index(fields=['provider', 'id'], name='request_provider'), models.Index(fields=['model', 'id'], name='request_model'), models.Index(fields=['policy', 'id'], name='request_policy'), models.Index(condition=models.Q(('status', 'answered'), _negated=True), fields=['status', 'id'], name='request_troubled'), models.Index(condition=models.Q(('failovers__gt', 0)), fields=['first_choice', 'id'], name='request_failed_over'), models.Index(condition=models.Q(('cost_nano_usd__isnull', True)), fields=['id'], name='request_without_cost'), models.Index(condition=models.Q(('session__isnull', False)), fields=['session', 'id'], name='request_session')],
            },
        ),
        migrations.CreateModel(
            name='RequestRollup',
            fields=[
                ('tenant_id', models.BigIntegerField()),
                ('grain', models.IntegerField()),
                ('bucket', models.BigIntegerField()),
                ('pk', models.CompositePrimaryKey('tenant_id', 'grain', 'bucket', 'key_id', 'provider', 'model', 'policy', blank=True, editable=False, primary_key=True, serialize=False)),
                ('key_id', models.BigIntegerField()),
                ('provider', models.TextField()),
                ('model', models.TextField()),
                ('policy', models.TextField()),
                ('requests', models.BigIntegerField()),
                ('answered', models.BigIntegerField()),
                ('failed', models.BigIntegerField()),
                ('rejected', models.BigIntegerField()),
                ('cancelled', models.BigIntegerField()),
                ('interrupted', models.BigIntegerField()),
                ('streamed', models.BigIntegerField()),
                ('failed_over', models.BigIntegerField()),
                ('failovers', models.BigIntegerField()),
                ('attempts', models.BigIntegerField()),
                ('prompt_tokens', models.BigIntegerField()),
                ('completion_tokens', models.BigIntegerField()),
                ('cached_tokens', models.BigIntegerField()),
                ('reasoning_tokens', models.BigIntegerField()),
                ('estimated', models.BigIntegerField()),
                ('priced', models.BigIntegerField()),
                ('unpriced', models.BigIntegerField()),
                ('cost_nano_usd', models.BigIntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['grain', 'bucket'], name='request_rollup_bucket')],
            },
        ),
        migrations.RunPython(first_partitions, migrations.RunPython.noop),
    ]

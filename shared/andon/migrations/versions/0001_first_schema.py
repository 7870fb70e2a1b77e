"""The first schema"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# A UUID version 7 (RFC 9562) on servers that have no uuidv7() yet: milliseconds, then random bits.
UUID7 = """
CREATE FUNCTION andon.uuid7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$
"""

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SEQUENCE andon.event_seq")
    op.execute(UUID7)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_keys_sha256")),
        schema="andon",
    )
    op.create_table(
        "cancellations",
        sa.Column("event_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("function_id", sa.Text(), nullable=False),
        sa.Column("flag", sa.Text(), nullable=True, comment="name of the cancel flag in Redis"),
        sa.Column("expression", sa.Text(), nullable=True, comment="CEL that must hold too"),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("requested_by", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remember_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("event_seq", "key", name=op.f("pk_cancellations")),
        schema="andon",
    )
    op.create_index(
        op.f("ix_cancellations_key_event_seq"), "cancellations", ["key", "event_seq"], unique=False, schema="andon"
    )
    op.create_table(
        "datasets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("columns", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_by", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        schema="andon",
    )
    op.create_index(
        op.f("ix_datasets_tenant_created_at_id"),
        "datasets",
        ["tenant", "created_at", "id"],
        unique=False,
        schema="andon",
    )
    op.create_table(
        "dead_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("stream_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column(
            "fields",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="field names and values, each base64",
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_events")),
        sa.UniqueConstraint("stream_id", name=op.f("uq_dead_events_stream_id")),
        schema="andon",
    )
    op.create_table(
        "dispatcher_leases",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "low_water", sa.Text(), server_default="0-0", nullable=False, comment="stream ids below were all handled"
        ),
        sa.PrimaryKeyConstraint("partition", name=op.f("pk_dispatcher_leases")),
        schema="andon",
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("nextval('andon.event_seq')"), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("stream_id", sa.Text(), nullable=True),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("tenant", "id", name=op.f("uq_events_tenant_id")),
        schema="andon",
    )
    op.create_index(
        op.f("ix_events_tenant_name_seq"), "events", ["tenant", "name", "seq"], unique=False, schema="andon"
    )
    op.create_table(
        "functions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("cancel_on", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("settings", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column(
            "registered_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_functions")),
        schema="andon",
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("headers", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("tenant", "key", name=op.f("pk_idempotency_keys")),
        schema="andon",
    )
    op.create_table(
        "outbox",
        sa.Column("event_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("event_seq", name=op.f("pk_outbox")),
        schema="andon",
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("function_id", sa.Text(), nullable=False),
        sa.Column(
            "kind", sa.Text(), server_default="function", nullable=False, comment="function, on_cancel, on_failure"
        ),
        sa.Column("parent_run_id", sa.Uuid(), nullable=True),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=True, comment="the report whose status this run carries"),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("queue", sa.Text(), server_default="default", nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker_id", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lost", sa.SmallInteger(), server_default="0", nullable=False, comment="workers lost at lost_step"),
        sa.Column("lost_step", sa.Text(), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("current_step", sa.Text(), nullable=True),
        sa.Column("step_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress", sa.Double(), nullable=True),
        sa.Column("progress_note", sa.Text(), nullable=True),
        sa.Column("output", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_by", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("cancel_event_id", sa.Text(), nullable=True),
        sa.Column("cancel_event_seq", sa.BigInteger(), nullable=True),
        sa.Column("cancel_stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("forced", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "status IN ('queued','running','waiting','cancelling','completed','failed','cancelled')",
            name=op.f("check_run_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint(
            "event_seq",
            "function_id",
            "kind",
            "parent_run_id",
            name=op.f("uq_runs_event_seq_function_id_kind_parent_run_id"),
            postgresql_nulls_not_distinct=True,
        ),
        schema="andon",
    )
    op.create_index(
        op.f("ix_runs_cancel_event_seq"),
        "runs",
        ["cancel_event_seq"],
        unique=False,
        schema="andon",
        postgresql_where=sa.text("cancel_event_seq IS NOT NULL"),
    )
    op.create_index(
        "ix_runs_held",
        "runs",
        ["id"],
        unique=False,
        schema="andon",
        postgresql_where=sa.text("status IN ('running','cancelling')"),
    )
    op.create_index(
        "ix_runs_open",
        "runs",
        ["tenant", "function_id", "id"],
        unique=False,
        schema="andon",
        postgresql_where=sa.text("status IN ('queued','running','waiting')"),
    )
    op.create_index(
        op.f("ix_runs_parent_run_id"),
        "runs",
        ["parent_run_id"],
        unique=False,
        schema="andon",
        postgresql_where=sa.text("parent_run_id IS NOT NULL"),
    )
    op.create_index(
        "ix_runs_queued",
        "runs",
        ["sent_at", "id"],
        unique=False,
        schema="andon",
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        op.f("ix_runs_report_id"),
        "runs",
        ["report_id"],
        unique=False,
        schema="andon",
        postgresql_where=sa.text("report_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_runs_tenant_id"), "runs", ["tenant", "id"], unique=False, schema="andon")
    op.create_index(
        "ix_runs_waiting",
        "runs",
        ["wake_at", "id"],
        unique=False,
        schema="andon",
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "wide_cancellations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("function_id", sa.Text(), nullable=False),
        sa.Column("started_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expression", sa.Text(), nullable=True),
        sa.Column(
            "requested_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("remember_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False, comment="pending, done"),
        sa.Column("matched", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cursor", sa.Uuid(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wide_cancellations")),
        sa.UniqueConstraint(
            "event_seq",
            "function_id",
            "expression",
            name=op.f("uq_wide_cancellations_event_seq_function_id_expression"),
            postgresql_nulls_not_distinct=True,
        ),
        schema="andon",
    )
    op.create_index(
        "ix_wide_cancellations_open",
        "wide_cancellations",
        ["event_seq"],
        unique=False,
        schema="andon",
        postgresql_where=sa.text("status <> 'done'"),
    )
    op.create_index(
        op.f("ix_wide_cancellations_tenant_function_id_event_seq"),
        "wide_cancellations",
        ["tenant", "function_id", "event_seq"],
        unique=False,
        schema="andon",
    )
    op.create_table(
        "cancel_keys",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["andon.runs.id"], name=op.f("fk_cancel_keys_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_cancel_keys")),
        schema="andon",
    )
    op.create_index(
        op.f("ix_cancel_keys_key_event_seq"), "cancel_keys", ["key", "event_seq"], unique=False, schema="andon"
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="idle", nullable=False),
        sa.Column("dataset_id", sa.Uuid(), nullable=True),
        sa.Column(
            "options",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_by", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("requested_by", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("request_seq", sa.BigInteger(), nullable=True, comment="seq of the newest request that counts"),
        sa.Column("request_event_id", sa.Text(), nullable=True),
        sa.Column("current_run_id", sa.Uuid(), nullable=True, comment="the run of that request, once made"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "status IN ('idle','generating','generated','cancelled','failed')", name=op.f("check_valid_status")
        ),
        sa.ForeignKeyConstraint(["dataset_id"], ["andon.datasets.id"], name=op.f("fk_reports_dataset_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        schema="andon",
    )
    op.create_index(op.f("ix_reports_dataset_id"), "reports", ["dataset_id"], unique=False, schema="andon")
    op.create_index(
        op.f("ix_reports_tenant_created_at_id"), "reports", ["tenant", "created_at", "id"], unique=False, schema="andon"
    )
    op.create_table(
        "steps",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="order of first call in the run"),
        sa.Column("status", sa.Text(), nullable=False, comment="completed, failed, retrying, sleeping"),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("output", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["andon.runs.id"], name=op.f("fk_steps_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "id", name=op.f("pk_steps")),
        schema="andon",
    )
    op.create_table(
        "artifacts",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["andon.reports.id"], name=op.f("fk_artifacts_report_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("report_id", "name", name=op.f("pk_artifacts")),
        schema="andon",
    )


def downgrade() -> None:
    raise NotImplementedError("the first schema has nothing below it")

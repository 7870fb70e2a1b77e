"""Subjects, how each kind's rows are found and written, and the rows that are owed"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.func.clock_timestamp()

# Whatever keeps the row from being found is told, and keeps no other event of a batch.
_FIND_ROW = """
CREATE OR REPLACE FUNCTION andon.find_row(
    of_kind text, of_tenant text, id text, OUT key text, OUT before jsonb, OUT fault text
) LANGUAGE plpgsql AS $$
DECLARE
    k andon.subject_kinds;
BEGIN
    SELECT * INTO k FROM andon.subject_kinds s WHERE s.kind = of_kind;
    IF k.kind IS NULL THEN
        fault := 'no function moves subjects of this kind';
    ELSIF k.find IS NOT NULL THEN
        EXECUTE k.find INTO key, before USING id, of_tenant;
    ELSIF k.refused IS NOT NULL THEN
        fault := k.refused;
    ELSE
        key := id;
    END IF;
EXCEPTION
    WHEN data_exception THEN key := NULL;  -- no row can have such an id
    WHEN OTHERS THEN key := NULL; fault := left(SQLERRM, 500);
END $$
"""

# A followed row delays nobody: one that another transaction holds, or that a trigger or a constraint refuses, is owed.
# What the UPDATE returns is compared with what it should have written: a trigger can have changed it.
_FOLLOW = """
CREATE OR REPLACE FUNCTION andon.follow(s andon.subjects, restoring boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
    k andon.subject_kinds;
    wanted text;
    said text;
    written bigint := 0;
    why text;
BEGIN
    SELECT * INTO k FROM andon.subject_kinds x WHERE x.kind = s.kind;
    restoring := (restoring OR s.status = 'idle') AND jsonb_typeof(s.before->'row') = 'object';
    IF k.write IS NULL AND k.refused IS NULL OR s.status = 'idle' AND restoring IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    why := k.refused;
    IF k.write IS NOT NULL THEN
        BEGIN
            IF restoring THEN
                wanted := s.before->'row'->>(k.states->>'column');
                EXECUTE k.restore INTO said USING s.key, s.tenant, s.before->'row';
            ELSE
                wanted := k.states->>s.status;
                EXECUTE k.write INTO said USING s.key, s.tenant, s.status, CASE s.status
                    WHEN 'active' THEN s.requested_at WHEN 'completed' THEN s.completed_at
                    WHEN 'failed' THEN s.failed_at ELSE s.cancelled_at END, s.error;
            END IF;
            GET DIAGNOSTICS written = ROW_COUNT;
            IF written > 0 AND said IS DISTINCT FROM wanted THEN
                RAISE EXCEPTION 'a trigger made % of the status % that was to be written', said, wanted;
            END IF;
            IF k.deferred THEN
                SET CONSTRAINTS ALL IMMEDIATE;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            written := 0;
            why := left(SQLERRM, 500);
        END;
    END IF;
    IF written > 0 THEN
        DELETE FROM andon.rows_owed o WHERE o.subject_id = s.id;
        RETURN 'written';
    END IF;
    IF why IS NULL THEN
        why := CASE WHEN (andon.find_row(s.kind, s.tenant, s.key)).key IS NULL THEN 'gone' ELSE 'held' END;
    END IF;
    INSERT INTO andon.rows_owed AS o (subject_id, reason) VALUES (s.id, why)
    ON CONFLICT (subject_id) DO UPDATE SET reason = excluded.reason, tries = o.tries + 1,
        next_at = clock_timestamp() + least(o.tries * o.tries, 300) * interval '0.1 s';
    RETURN why;
END $$
"""


def upgrade() -> None:
    uuid, text = sa.Uuid(), sa.Text()
    op.create_table(
        "subjects",
        sa.Column("id", uuid, nullable=False),
        sa.Column("tenant", text, nullable=False),
        sa.Column("kind", text, nullable=False),
        sa.Column("key", text, nullable=False),
        sa.Column("status", text, nullable=False, server_default="idle"),
        sa.Column("request_seq", sa.BigInteger(), comment="seq of the newest request that counts"),
        sa.Column("request_event_id", text),
        sa.Column("current_run_id", uuid, comment="the run of that request, once made"),
        sa.Column("requested_by", JSONB()),
        sa.Column("requested_at", TIME),
        sa.Column("cancel_requested_at", TIME),
        sa.Column("completed_at", TIME),
        sa.Column("failed_at", TIME),
        sa.Column("cancelled_at", TIME),
        sa.Column("error", text),
        sa.Column("before", JSONB(), comment="what subject and row were when the newest request was made"),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Column("updated_at", TIME, nullable=False, server_default=NOW),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.CheckConstraint(
            "status IN ('idle','active','completed','failed','cancelled')", name=op.f("check_subject_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subjects")),
        sa.UniqueConstraint("tenant", "kind", "key", name=op.f("uq_subjects_tenant_kind_key")),
        schema="andon",
        if_not_exists=True,
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        op.f("ix_subjects_tenant_kind_created_at_id"),
        "subjects",
        ["tenant", "kind", "created_at", "id"],
        schema="andon",
        if_not_exists=True,
    )
    op.create_index(op.f("ix_subjects_kind_key"), "subjects", ["kind", "key"], schema="andon", if_not_exists=True)
    op.create_table(
        "subject_kinds",
        sa.Column("kind", text, nullable=False),
        sa.Column("function_id", text, nullable=False),
        sa.Column("trigger", text, nullable=False),
        sa.Column("path", text, nullable=False, comment="where a trigger names the subject"),
        sa.Column("row", JSONB(), comment="as it was declared"),
        sa.Column("states", JSONB(), comment="as texts, by state; and the status' column"),
        sa.Column("numeric", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("deferred", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("find", text, comment="SQL that finds a row by id and tenant"),
        sa.Column("write", text, comment="SQL that writes a state into it"),
        sa.Column("restore", text, comment="SQL that writes back what it was"),
        sa.Column("refused", text, comment="why the row can't be followed now"),
        sa.Column("registered_at", TIME, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_subject_kinds")),
        schema="andon",
        if_not_exists=True,
    )
    op.create_table(
        "rows_owed",
        sa.Column("subject_id", uuid, nullable=False),
        sa.Column("since", TIME, nullable=False, server_default=NOW),
        sa.Column("next_at", TIME, nullable=False, server_default=NOW),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("reason", text, nullable=False),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_rows_owed")),
        schema="andon",
        if_not_exists=True,
    )
    op.create_index(op.f("ix_rows_owed_next_at"), "rows_owed", ["next_at"], schema="andon", if_not_exists=True)
    op.execute(_FIND_ROW)
    op.execute(_FOLLOW)
    op.add_column(
        "runs",
        sa.Column("subject_id", uuid, comment="what it is about: of its newest run the state is shown"),
        schema="andon",
        if_not_exists=True,
    )
    with op.get_context().autocommit_block():
        for name, where in (
            ("ix_runs_subject_id", "subject_id IS NOT NULL"),
            ("ix_runs_subject_door", "status = 'queued' AND door = subject_id"),
        ):
            op.drop_index(op.f(name), "runs", schema="andon", if_exists=True, postgresql_concurrently=True)
            op.create_index(
                op.f(name),
                "runs",
                ["subject_id"],
                schema="andon",
                postgresql_where=sa.text(where),
                postgresql_concurrently=True,
            )


def downgrade() -> None:
    op.drop_column("runs", "subject_id", schema="andon")
    op.execute("DROP FUNCTION andon.follow(andon.subjects, boolean)")
    op.execute("DROP FUNCTION andon.find_row(text, text, text)")
    for name in ("rows_owed", "subject_kinds", "subjects"):
        op.drop_table(name, schema="andon")

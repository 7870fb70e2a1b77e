"""Artifacts belong to runs. What the release before publishes for a report is copied, until it is gone"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# A run's id and status are its files' title; where prune has forgotten the run, it is made again, with its event.
FORGOTTEN = """
WITH forgotten AS (
    SELECT a.run_id, p.id AS report_id, p.tenant, min(a.created_at) AS at
    FROM andon.artifacts a JOIN andon.reports p ON p.id = a.report_id
    WHERE NOT EXISTS (SELECT FROM andon.runs r WHERE r.id = a.run_id)
    GROUP BY a.run_id, p.id, p.tenant
), events AS (
    INSERT INTO andon.events (tenant, id, name, data, ts, received_at)
    SELECT tenant, 'artifacts:' || run_id, 'report/generation.requested', jsonb_build_object('reportId', report_id),
        at, at
    FROM forgotten
    ON CONFLICT (tenant, id) DO NOTHING
    RETURNING seq, id
)
INSERT INTO andon.runs (id, tenant, function_id, event_seq, report_id, status, attempt, queued_at, started_at, ended_at,
    progress)
SELECT f.run_id, f.tenant, 'generate-hybrid-report', e.seq, f.report_id, 'completed', 1, f.at, f.at, f.at, 1
FROM forgotten f JOIN events e ON e.id = 'artifacts:' || f.run_id
ON CONFLICT DO NOTHING
"""
COPY = """
INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type, created_at)
SELECT run_id, name, '', key, bytes, media_type, created_at FROM andon.artifacts
ON CONFLICT DO NOTHING
"""
FOLLOW = """
CREATE OR REPLACE FUNCTION andon.copy_artifact() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type)
    VALUES (NEW.run_id, NEW.name, '', NEW.key, NEW.bytes, NEW.media_type)
    ON CONFLICT (run_id, name) DO UPDATE SET key = excluded.key, bytes = excluded.bytes,
        media_type = excluded.media_type;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "run_artifacts",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False, comment="that has stored it"),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["andon.runs.id"], name=op.f("fk_run_artifacts_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_run_artifacts")),
        schema="andon",
    )
    op.create_index(op.f("ix_run_artifacts_key"), "run_artifacts", ["key"], schema="andon")
    op.execute(FOLLOW)
    op.execute(
        "CREATE TRIGGER copy_artifact AFTER INSERT OR UPDATE ON andon.artifacts "
        "FOR EACH ROW EXECUTE FUNCTION andon.copy_artifact()"
    )
    op.execute(FORGOTTEN)
    op.execute(COPY)


def downgrade() -> None:
    op.execute("DROP TRIGGER copy_artifact ON andon.artifacts")
    op.execute("DROP FUNCTION andon.copy_artifact()")
    op.drop_table("run_artifacts", schema="andon")

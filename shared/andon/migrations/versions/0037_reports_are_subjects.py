"""Reports are subjects of the kind `report`, whose rows in `andon.reports` follow them"""

import hashlib
import json
import uuid

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

AT_ONCE = 500

# Known before a dispatcher has registered its function: the API asks for reports from its first request on.
ROW = """{"table": "andon.reports", "key": "id", "status": "status", "states": {"active": "generating",
"completed": "generated", "failed": "failed", "cancelled": "cancelled"}, "error": "error", "at": {"active":
"requested_at", "completed": "completed_at", "failed": "failed_at", "cancelled": "cancelled_at"}, "tenant": "tenant",
"version": "version", "deleted": null}"""
STATES = """{"active": "generating", "completed": "generated", "failed": "failed", "cancelled": "cancelled",
"column": "status"}"""
FIND = """SELECT r.id::text, jsonb_build_object('status', r.status, 'error', r.error, 'requested_at', r.requested_at,
    'completed_at', r.completed_at, 'failed_at', r.failed_at, 'cancelled_at', r.cancelled_at)
FROM andon.reports r WHERE r.id = $1::uuid AND r.tenant = $2::text"""
THIS = """WHERE r.id = (SELECT q.id FROM andon.reports q WHERE q.id = $1::uuid AND q.tenant = $2::text
        FOR NO KEY UPDATE SKIP LOCKED)
    AND r.id = $1::uuid AND r.tenant = $2::text RETURNING r.status"""
WRITE = f"""UPDATE andon.reports r SET
    status = CASE $3::text WHEN 'active' THEN 'generating' WHEN 'completed' THEN 'generated' ELSE $3::text END,
    error = CASE $3::text WHEN 'failed' THEN coalesce($5::text, 'failed') END,
    requested_at = CASE $3::text WHEN 'active' THEN $4::timestamptz ELSE r.requested_at END,
    completed_at = CASE $3::text WHEN 'completed' THEN $4::timestamptz WHEN 'active' THEN NULL ELSE r.completed_at END,
    failed_at = CASE $3::text WHEN 'failed' THEN $4::timestamptz WHEN 'active' THEN NULL ELSE r.failed_at END,
    cancelled_at = CASE $3::text WHEN 'cancelled' THEN $4::timestamptz WHEN 'active' THEN NULL ELSE r.cancelled_at END,
    version = r.version + 1
{THIS}"""
RESTORE = f"""UPDATE andon.reports r SET
    (status, error, requested_at, completed_at, failed_at, cancelled_at) =
        ROW(b.status, b.error, b.requested_at, b.completed_at, b.failed_at, b.cancelled_at), version = r.version + 1
FROM jsonb_to_record($3::jsonb) AS b (status text, error text, requested_at timestamptz, completed_at timestamptz,
    failed_at timestamptz, cancelled_at timestamptz)
{THIS}"""
KIND = f"""
INSERT INTO andon.subject_kinds (kind, function_id, trigger, path, row, states, find, write, restore)
VALUES ('report', 'generate-hybrid-report', 'report/generation.requested', 'data.reportId', $json${ROW}$json$,
    $json${STATES}$json$, $sql${FIND}$sql$, $sql${WRITE}$sql$, $sql${RESTORE}$sql$)
ON CONFLICT DO NOTHING
"""

OWE = """
CREATE OR REPLACE FUNCTION andon.owe_webhooks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM andon.webhooks WHERE tenant = NEW.tenant)
        OR NEW.data->>'runId' !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
        RETURN NULL;
    END IF;
    INSERT INTO andon.webhook_deliveries (webhook_id, line, event_id, name, body)
    SELECT w.id, coalesce(r.subject_id, r.id), NEW.id, NEW.name,
        jsonb_build_object('id', NEW.id, 'type', NEW.name, 'tenant', NEW.tenant,
            'createdAt', to_char(NEW.ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'reportId', CASE WHEN s.kind = 'report' THEN s.key END,
            'subject', CASE WHEN s.id IS NOT NULL THEN jsonb_build_object('kind', s.kind, 'id', s.key) END,
            'data', NEW.data)::text
    FROM andon.runs r JOIN andon.webhooks w ON w.tenant = r.tenant LEFT JOIN andon.subjects s ON s.id = r.subject_id
    WHERE r.id = (NEW.data->>'runId')::uuid AND r.tenant = NEW.tenant AND r.status = split_part(NEW.name, '.', 2);
    RETURN NULL;
END $$
"""

ASKED_FOR = """
SELECT id, tenant FROM andon.reports WHERE id > :after AND (status <> 'idle' OR request_seq IS NOT NULL)
ORDER BY id LIMIT :number
"""
SUBJECTS = """
INSERT INTO andon.subjects (id, tenant, kind, key, status, request_seq, request_event_id, current_run_id, requested_by,
    requested_at, cancel_requested_at, completed_at, failed_at, cancelled_at, error, created_at, updated_at)
SELECT w.subject, p.tenant, 'report', p.id::text,
    CASE p.status WHEN 'generating' THEN 'active' WHEN 'generated' THEN 'completed' ELSE p.status END, p.request_seq,
    p.request_event_id, p.current_run_id, p.requested_by, p.requested_at, p.cancel_requested_at, p.completed_at,
    p.failed_at, p.cancelled_at, p.error, p.created_at, p.updated_at
FROM unnest(CAST(:ids AS uuid[]), CAST(:subjects AS uuid[])) w (id, subject) JOIN andon.reports p ON p.id = w.id
ON CONFLICT DO NOTHING
"""
RUNS = """
UPDATE andon.runs r SET subject_id = w.subject
FROM unnest(CAST(:ids AS uuid[]), CAST(:subjects AS uuid[])) w (id, subject)
WHERE r.report_id = w.id AND r.subject_id IS NULL
"""


def upgrade() -> None:
    op.execute(KIND)
    op.execute(OWE)
    context = op.get_context()
    if context.as_sql:  # what follows is data, which a script can't know
        return
    with context.autocommit_block():
        carry_over(op.get_bind())


def carry_over(connection: sa.Connection) -> None:
    """Give each report that was asked for its subject, and its runs."""
    after = uuid.UUID(int=0)
    while found := connection.execute(sa.text(ASKED_FOR), {"after": after, "number": AT_ONCE}).all():
        rows = {"ids": [id for id, _ in found], "subjects": [_subject(tenant, id) for id, tenant in found]}
        connection.execute(sa.text(SUBJECTS), rows)
        connection.execute(sa.text(RUNS), rows)
        after = found[-1][0]


def _subject(tenant: str, id: uuid.UUID) -> uuid.UUID:
    text = json.dumps([tenant, "subject", "report", str(id)])
    return uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())


def downgrade() -> None:
    op.execute("DELETE FROM andon.subjects WHERE kind = 'report'")
    op.execute("DELETE FROM andon.subject_kinds WHERE kind = 'report'")

"""A followed table that is locked keeps one look of a transaction for a moment, and says that it is no answer"""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

# Kinds whose table somebody was found to have locked are known until the transaction ends: each waits for it once.
IS_LOCKED = """
CREATE OR REPLACE FUNCTION andon.is_locked(kind text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(kind = ANY (string_to_array(current_setting('andon.locked', true), ' ')), false)
$$
"""
LOCKED = """
CREATE OR REPLACE FUNCTION andon.was_locked(kind text) RETURNS void LANGUAGE sql AS $$
    SELECT set_config('andon.locked', concat_ws(' ', nullif(current_setting('andon.locked', true), ''), kind), true)
$$
"""
# What kept the row from being found is told with its SQLSTATE: whether it is one that passes, the caller knows.
ROW_OF = """
CREATE OR REPLACE FUNCTION andon.row_of(
    of_kind text, of_tenant text, id text, OUT key text, OUT before jsonb, OUT fault text, OUT state text
) LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
    k andon.subject_kinds;
BEGIN
    SELECT * INTO k FROM andon.subject_kinds s WHERE s.kind = of_kind;
    IF k.kind IS NULL THEN
        fault := 'no function moves subjects of this kind';
    ELSIF k.find IS NULL AND k.refused IS NOT NULL THEN
        fault := k.refused;
    ELSIF k.find IS NULL THEN
        key := id;
    ELSIF andon.is_locked(k.kind) THEN
        fault := 'locked'; state := '55P03';
    ELSE
        BEGIN
            EXECUTE k.find INTO key, before USING id, of_tenant;
        EXCEPTION
            WHEN data_exception THEN key := NULL;  -- no row can have such an id
            WHEN lock_not_available THEN
                key := NULL; fault := 'locked'; state := SQLSTATE;
                PERFORM andon.was_locked(k.kind);
            WHEN OTHERS THEN key := NULL; fault := left(SQLERRM, 500); state := SQLSTATE;
        END;
    END IF;
END $$
"""
FIND_ROW = """
CREATE OR REPLACE FUNCTION andon.find_row(
    of_kind text, of_tenant text, id text, OUT key text, OUT before jsonb, OUT fault text
) LANGUAGE plpgsql AS $$
BEGIN
    SELECT r.key, r.before, r.fault INTO key, before, fault FROM andon.row_of(of_kind, of_tenant, id) r;
END $$
"""
# As in 0021, but for what is said of a table that is locked, and of a row that can't be looked for: it isn't gone.
FOLLOW = """
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
    why := CASE WHEN k.write IS NOT NULL AND andon.is_locked(k.kind) THEN 'locked' ELSE k.refused END;
    IF k.write IS NOT NULL AND why IS DISTINCT FROM 'locked' THEN
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
        EXCEPTION
            WHEN lock_not_available THEN
                written := 0; why := 'locked';
                PERFORM andon.was_locked(k.kind);
            WHEN OTHERS THEN written := 0; why := left(SQLERRM, 500);
        END;
    END IF;
    IF written > 0 THEN
        DELETE FROM andon.rows_owed o WHERE o.subject_id = s.id;
        RETURN 'written';
    END IF;
    IF why IS NULL THEN
        SELECT CASE WHEN r.key IS NOT NULL THEN 'held' ELSE coalesce(r.fault, 'gone') END INTO why
        FROM andon.row_of(s.kind, s.tenant, s.key) r;
    END IF;
    INSERT INTO andon.rows_owed AS o (subject_id, reason) VALUES (s.id, why)
    ON CONFLICT (subject_id) DO UPDATE SET reason = excluded.reason, tries = o.tries + 1,
        next_at = clock_timestamp() + least(o.tries * o.tries, 300) * interval '0.1 s';
    RETURN why;
END $$
"""


def upgrade() -> None:
    for each in (IS_LOCKED, LOCKED, ROW_OF, FIND_ROW, FOLLOW):
        op.execute(each)


def downgrade() -> None:
    """Nothing: the functions do for the release before what its own did."""

#!/bin/sh
# Dump the database into $BACKUPS, keep the newest $KEEP dumps, and tell Postgres when it was done. A dump appears whole or
# not at all; pg_restore --list reads it before it counts.
set -eu
umask 077
: "${ANDON_DATABASE_URL:=$(cat "$ANDON_SECRETS/ANDON_DATABASE_URL")}"
name="andon-$(date -u +%Y%m%dT%H%M%SZ).dump"
trap 'rm -f "$BACKUPS/.partial"' EXIT
# Until one has ended well, the last one is that of 1970: an alert tells of those that never do.
psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 "$ANDON_DATABASE_URL" <<'SQL'
INSERT INTO andon.maintenance (name, facts, finished_at) VALUES ('backup', '{}', 'epoch') ON CONFLICT DO NOTHING;
SQL
pg_dump --format=custom --file="$BACKUPS/.partial" "$ANDON_DATABASE_URL"
pg_restore --list "$BACKUPS/.partial" > /dev/null
bytes=$(wc -c < "$BACKUPS/.partial")
mv "$BACKUPS/.partial" "$BACKUPS/$name"
ls -1 "$BACKUPS" | grep '^andon-.*[.]dump$' | sort -r | tail -n "+$((KEEP + 1))" | while read -r old; do
    rm -f "$BACKUPS/$old"
done
psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --set=name="$name" --set=bytes="$bytes" "$ANDON_DATABASE_URL" <<'SQL'
INSERT INTO andon.maintenance (name, facts) VALUES ('backup', jsonb_build_object('file', :'name', 'bytes', :'bytes'::bigint))
ON CONFLICT (name) DO UPDATE SET facts = excluded.facts, finished_at = clock_timestamp();
SQL
echo "$name: $bytes bytes"

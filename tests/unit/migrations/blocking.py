"""What a migration may not do while the previous release's processes work on the same tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CREATED = re.compile(r"\bCREATE TABLE (?:IF NOT EXISTS )?([\w.]+)", re.IGNORECASE)
_RULES = [
    (
        r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)",
        "blocks writers while it builds: postgresql_concurrently=True in op.get_context().autocommit_block()",
    ),
    (r"REINDEX (?!.*\bCONCURRENTLY\b)", "blocks: REINDEX ... CONCURRENTLY"),
    (r"DROP INDEX (?!CONCURRENTLY)", "waits for every reader: postgresql_concurrently=True"),
    (
        r"ALTER TABLE .*\bADD COLUMN\b(?=.*\bNOT NULL\b)(?!.*\bDEFAULT\b)",
        "the previous release doesn't fill it: give it a server default, or let it be null",
    ),
    (
        r"ALTER TABLE .*\bADD COLUMN\b.*\bDEFAULT\b.*(?:clock_timestamp|random|nextval|uuid)",
        "a default that differs by row rewrites the table: add it without, then set the default, then fill in chunks",
    ),
    (r"ALTER TABLE .*\bALTER COLUMN \S+ TYPE\b", "rewrites the table: a new column, filled in chunks"),
    (r"ALTER TABLE .*\bALTER COLUMN \S+ SET NOT NULL\b", "reads the whole table under its lock: a CHECK, NOT VALID"),
    (
        r"ALTER TABLE .*\bADD CONSTRAINT\b.*\b(?:CHECK|FOREIGN KEY)\b(?!.*\bNOT VALID\b)",
        "reads the whole table under its lock: NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own",
    ),
    (
        r"ALTER TABLE .*\bADD CONSTRAINT\b.*\b(?:UNIQUE|PRIMARY KEY)\b(?!.*\bUSING INDEX\b)",
        "builds an index under the table's lock: make it CONCURRENTLY, then USING INDEX",
    ),
    (r"LOCK TABLE|VACUUM FULL|CLUSTER\b", "blocks everybody"),
]
_REMOVES = re.compile(r"\b(DROP COLUMN|DROP TABLE|RENAME (?:COLUMN|TO)|DROP FUNCTION|TRUNCATE)\b", re.IGNORECASE)


def complaints(sql: str, *, unused_since: str | None, released: list[str]) -> Iterator[str]:
    """What is wrong with a revision's statements; `unused_since` is the release that stopped using what they remove."""
    new = {name.lower() for name in _CREATED.findall(sql)}
    for statement in filter(None, (" ".join(part.split()) for part in sql.split(";"))):
        if any(re.search(rf"\b(?:ON|TABLE) {re.escape(name)}\b", statement, re.IGNORECASE) for name in new):
            continue  # nobody uses a table that this revision makes
        for pattern, why in _RULES:
            if re.match(pattern, statement, re.IGNORECASE):
                yield f"{statement}: {why}"
        if _REMOVES.search(statement) and unused_since not in released:
            yield (
                f"{statement}: the previous release may use it. Stop using it, release that, and remove it in a later"
                " release, whose revision says UNUSED_SINCE = '<the version that stopped>'"
            )

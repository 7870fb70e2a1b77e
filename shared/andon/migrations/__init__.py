"""Schema migrations: `migrate(url)` brings a database to `HEAD`, `require_head(url)` refuses an older one."""

from andon.migrations.revision import HEAD, NotTheOwner, TablesBusy, UnknownRevision, passes, require_head

__all__ = ["HEAD", "NotTheOwner", "TablesBusy", "UnknownRevision", "migrate", "passes", "require_head"]


def migrate(url: str) -> None:
    """Bring the schema to `HEAD`. Safe to call from several processes at once, and while others use the tables.

    Raises `UnknownRevision`, `NotTheOwner` or `TablesBusy`. Needs a session of its own: no pooler that pools by
    transaction.
    """
    from andon.migrations.runner import run  # alembic: whoever only asks for the revision need not import it

    run(url)

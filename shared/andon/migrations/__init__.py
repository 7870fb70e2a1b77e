"""Schema migrations: `migrate(url)` brings a database to `HEAD`, `require_head(url)` refuses an older one."""

from andon.migrations.runner import HEAD, TablesBusy, UnknownRevision, migrate, passes, require_head

__all__ = ["HEAD", "TablesBusy", "UnknownRevision", "migrate", "passes", "require_head"]

"""`python -m andon.migrations`: bring the database named by ANDON_DATABASE_URL to the newest schema."""

import os
import sys

import psycopg

from andon.migrations import NotTheOwner, TablesBusy, UnknownRevision, migrate
from andon.settings import Settings, SettingsError


def main() -> None:
    """Migrate, or say in one sentence why not."""
    try:
        migrate(Settings.from_env(os.environ).database_url)
    except (NotTheOwner, SettingsError, TablesBusy, UnknownRevision) as error:
        sys.exit(str(error))
    except psycopg.OperationalError as error:
        sys.exit(f"The database that ANDON_DATABASE_URL names does not answer: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main()

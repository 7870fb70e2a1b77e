"""Alembic's entry: the models' metadata, one connection, the version table in the schema itself."""

from alembic import context
from sqlalchemy import NullPool, create_engine, text

from andon.adapters.postgres.models import SCHEMA, metadata

# Whoever wants a table after us waits behind us: so we give up soon, and the runner tries again.
engine = create_engine(
    context.config.attributes["url"], poolclass=NullPool, connect_args={"options": "-c lock_timeout=2s"}
)
with engine.begin() as connection:
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
        transaction_per_migration=True,
        include_name=lambda name, type_, _parents: type_ != "schema" or name == SCHEMA,
    )
    with context.begin_transaction():
        context.run_migrations()

"""Alembic's entry: the models' metadata, one connection, the version table in the schema itself."""

from alembic import context
from sqlalchemy import create_engine, text

from andon.adapters.postgres.models import SCHEMA, metadata

engine = create_engine(context.config.attributes["url"])
with engine.begin() as connection:
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
with engine.connect() as connection:
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
        include_name=lambda name, type_, _parents: type_ != "schema" or name == SCHEMA,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()

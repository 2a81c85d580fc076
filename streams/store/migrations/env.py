"""Alembic's entry point; `streams.store.migrate` passes the connection."""

from alembic import context

from streams.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

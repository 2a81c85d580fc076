"""This file is where Alembic enters; the connection is given by `streams.store.migrate`."""

from alembic import context

from streams.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

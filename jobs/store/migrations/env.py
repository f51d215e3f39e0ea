"""Alembic's entry: it migrates over the connection it is handed and opens none of its own."""

from alembic import context

from jobs.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

"""Alembic's entry point: it migrates over the connection it is given and opens none itself."""

from alembic import context

from jobs.store.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

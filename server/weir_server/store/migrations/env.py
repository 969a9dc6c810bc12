"""How does alembic reach the database? By the connection that `store.migrate` hands it."""

from alembic import context

from weir_server.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
)
context.run_migrations()

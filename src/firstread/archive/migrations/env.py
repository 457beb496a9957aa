"""What Alembic runs: the migrations, inside the transaction of whoever asked for them."""

from alembic import context

from firstread.archive.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()

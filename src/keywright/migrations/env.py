"""What Alembic runs: the history on the connection that `upgrade` holds."""

from __future__ import annotations

from alembic import context

from keywright.migrations.include import include_name
from keywright.migrations.state import VERSION_TABLE
from keywright.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    include_name=include_name,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()

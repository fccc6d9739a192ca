"""A host's own Alembic, run for real, neither drops our tables nor loses sight of its own."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from parts.schemas import Place, table_names

from keywright.migrations import upgrade
from keywright.migrations.state import VERSION_TABLE
from keywright.tables import metadata

pytestmark = pytest.mark.anyio

MODELS = """
    import sqlalchemy as sa
    from keywright import tables

    metadata = sa.MetaData()
    photos = sa.Table(
        "photo",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "owner_id",
            sa.ForeignKey(tables.users.c.id, name="fk_photo_owner", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Index("ix_photo_owner_id", "owner_id"),
    )
"""
ENVIRONMENT = """
    from alembic import context
    from {module} import metadata
    {take_include_name}

    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        {use_include_name}
    )
    with context.begin_transaction():
        context.run_migrations()
"""


class HostProject:
    """`migrations/` and a module of tables, as a host application has them."""

    def __init__(self, folder: Path, *, careful: bool) -> None:
        self.versions = folder / "migrations" / "versions"
        self.versions.mkdir(parents=True)
        module = f"host_models_{folder.name.replace('-', '_')}"
        (folder / f"{module}.py").write_text(textwrap.dedent(MODELS))
        environment = textwrap.dedent(ENVIRONMENT).format(
            module=module,
            take_include_name="from keywright.alembic import include_name" if careful else "",
            use_include_name="include_name=include_name," if careful else "",
        )
        (folder / "migrations" / "env.py").write_text(environment)
        template = Path(command.__file__).parent / "templates" / "generic" / "script.py.mako"
        (folder / "migrations" / "script.py.mako").write_text(template.read_text())
        self.config = Config()
        self.config.set_main_option("script_location", str(folder / "migrations"))
        self.config.set_main_option("path_separator", "os")
        self.config.set_main_option("prepend_sys_path", str(folder))

    def autogenerate(self, connection: sa.Connection) -> str:
        """The text of the revision that `alembic revision --autogenerate` writes."""
        known = set(self.versions.glob("*.py"))
        self.config.attributes["connection"] = connection
        command.revision(self.config, autogenerate=True)
        (made,) = set(self.versions.glob("*.py")) - known
        return made.read_text()

    def upgrade(self, connection: sa.Connection) -> None:
        self.config.attributes["connection"] = connection
        command.upgrade(self.config, "head")


async def test_a_host_that_asks_us_which_tables_are_its_own_drops_none_of_ours(
    place: Place, tmp_path: Path
) -> None:
    host = HostProject(tmp_path, careful=True)
    async with place.opened() as db:
        await upgrade(db, place.url)
        first = await place.work(host.autogenerate)
        assert "create_table('photo'" in first
        assert "'kw_user.id'" in first
        assert "drop_" not in first.partition("def downgrade")[0]
        await place.work(host.upgrade)
        second = await place.work(host.autogenerate)
        assert "op." not in second.partition("def upgrade")[2]
        assert {*metadata.tables, VERSION_TABLE, "photo"} <= await place.work(table_names)


async def test_a_host_that_does_not_ask_would_drop_them(place: Place, tmp_path: Path) -> None:
    """Without this the test above would prove nothing."""
    host = HostProject(tmp_path, careful=False)
    async with place.opened() as db:
        await upgrade(db, place.url)
        assert "op.drop_table('kw_user')" in await place.work(host.autogenerate)


async def test_our_history_leaves_the_hosts_version_table_alone(
    place: Place, tmp_path: Path
) -> None:
    host = HostProject(tmp_path, careful=True)
    async with place.opened() as db:
        await upgrade(db, place.url)
        await place.work(host.autogenerate)
        await place.work(host.upgrade)
        await upgrade(db, place.url)
        assert {"alembic_version", VERSION_TABLE} <= await place.work(table_names)

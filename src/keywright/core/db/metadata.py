"""The one `MetaData` that every table of Keywright is described in."""

from __future__ import annotations

import sqlalchemy as sa

# Names are fixed here so that a violated constraint is called the same in every database, and
# so that migrations can drop what they name.
NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)

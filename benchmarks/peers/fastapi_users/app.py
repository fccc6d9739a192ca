"""An application with fastapi-users: accounts in SQLAlchemy, tokens in the database.

Put together as its documentation does (fastapi-users.github.io, "Full example" with SQLAlchemy),
with these of its choices:

- "Authentication > Strategies > Database": tokens that can be revoked, each of them a row;
- "Authentication > Transports > Bearer";
- "Configuration > Password hash": its own Argon2, at the cost that all subjects share.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport
from fastapi_users.authentication.strategy.db import AccessTokenDatabase, DatabaseStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.password import PasswordHelper
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from benchmarks.subject import ARGON2_ITERATIONS, ARGON2_LANES, ARGON2_MEMORY_KIB

DAY = 24 * 60 * 60  # seconds; the documentation's hour may be shorter than a run

engine = create_async_engine(
    os.environ["DATABASE_URL"]
    .replace("sqlite:", "sqlite+aiosqlite:", 1)
    .replace("postgresql:", "postgresql+asyncpg:", 1)
)
new_session = async_sessionmaker(engine, expire_on_commit=False)
passwords = PasswordHash(
    (
        Argon2Hasher(
            time_cost=ARGON2_ITERATIONS, memory_cost=ARGON2_MEMORY_KIB, parallelism=ARGON2_LANES
        ),
    )
)


if engine.dialect.name == "sqlite":
    # docs.sqlalchemy.org, "SQLite > Foreign Key Support", tells to set pragmas like this.
    @event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    pass


class UserRead(schemas.BaseUser[uuid.UUID]):
    pass


class UserUpdate(schemas.BaseUserUpdate):
    pass


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    pass


async def get_session() -> AsyncGenerator[AsyncSession]:
    async with new_session() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


async def get_user_db(session: Session) -> AsyncGenerator[SQLAlchemyUserDatabase[User, uuid.UUID]]:
    yield SQLAlchemyUserDatabase(session, User)


async def get_token_db(session: Session) -> AsyncGenerator[AccessTokenDatabase[AccessToken]]:
    yield SQLAlchemyAccessTokenDatabase(session, AccessToken)


async def get_user_manager(
    user_db: Annotated[SQLAlchemyUserDatabase[User, uuid.UUID], Depends(get_user_db)],
) -> AsyncGenerator[UserManager]:
    yield UserManager(user_db, PasswordHelper(passwords))


def get_strategy(
    tokens: Annotated[AccessTokenDatabase[AccessToken], Depends(get_token_db)],
) -> DatabaseStrategy[User, uuid.UUID, AccessToken]:
    return DatabaseStrategy(tokens, lifetime_seconds=DAY)


backend = AuthenticationBackend(
    name="database",
    transport=BearerTransport(tokenUrl="auth/login"),
    get_strategy=get_strategy,
)
fastapi_users = FastAPIUsers[User, uuid.UUID](get_user_manager, [backend])
current_active_user = fastapi_users.current_user(active=True)

app = FastAPI()
app.include_router(fastapi_users.get_auth_router(backend), prefix="/auth", tags=["auth"])
app.include_router(
    fastapi_users.get_users_router(UserRead, UserUpdate), prefix="/users", tags=["users"]
)


@app.get("/open")
async def read_open() -> dict[str, str]:
    return {"email": "user0@bench.example"}


@app.get("/protected")
async def read_protected(user: Annotated[User, Depends(current_active_user)]) -> dict[str, str]:
    return {"email": user.email}

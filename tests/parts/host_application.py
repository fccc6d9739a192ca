"""An application that somebody has: models of its own, uploads, middleware, errors in its own shape.

`build_host(url)` makes it; whether Keywright is installed into it is the caller's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import (
    BackgroundTasks,
    Depends,
    FastAPI,
    File,
    Form,
    HTTPException,
    Request,
    UploadFile,
)
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

import keywright

FRONT_END = "https://front.example.com"


class Base(DeclarativeBase): ...


class Note(Base):
    __tablename__ = "note"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    owner_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey(keywright.tables.users.c.id, ondelete="CASCADE")
    )


class NoteIn(BaseModel):
    text: Annotated[str, Field(min_length=1, max_length=200_000)]
    tags: list[str] = []


class NoteOut(BaseModel):
    id: int
    text: str


class OutOfPaper(Exception):
    """An error of the application's own."""


def async_engine(url: str) -> AsyncEngine:
    driver = "sqlite+aiosqlite" if url.startswith("sqlite") else "postgresql+asyncpg"
    return create_async_engine(driver + url[url.index(":") :])


def build_host(engine: AsyncEngine, install: Callable[[FastAPI], None] | None = None) -> FastAPI:
    """`install` is called where its author would put it: between the routes, before some."""
    app = FastAPI(title="Notes", version="7", lifespan=lifespan_on(engine))
    add_middleware(app)
    add_errors(app)
    add_notes(app, engine)
    if install is not None:
        install(app)
    add_files(app)
    add_odd_routes(app)
    return app


def lifespan_on(engine: AsyncEngine) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        app.state.life = ["started"]
        yield {"greeting": "hello"}
        app.state.life.append("stopped")

    return lifespan


def add_middleware(app: FastAPI) -> None:
    app.add_middleware(GZipMiddleware, minimum_size=5000)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[FRONT_END],
        allow_credentials=True,
        allow_methods=["GET", "POST"],
        allow_headers=["X-Paper"],
    )

    @app.middleware("http")
    async def sign(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers["X-Signed-By"] = f"notes {request.state.greeting}"
        return response


def add_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def own_422(request: Request, error: RequestValidationError) -> Response:
        return JSONResponse({"oops": [one["loc"][-1] for one in error.errors()]}, 400)

    @app.exception_handler(StarletteHTTPException)
    async def own_http_error(request: Request, error: StarletteHTTPException) -> Response:
        return JSONResponse({"said": error.detail}, error.status_code, error.headers)

    @app.exception_handler(OutOfPaper)
    async def own_error(request: Request, error: OutOfPaper) -> Response:
        return HTMLResponse("<p>Out of paper</p>", 507)


def add_notes(app: FastAPI, engine: AsyncEngine) -> None:
    async def open_session() -> AsyncIterator[AsyncSession]:
        async with AsyncSession(engine) as session, session.begin():
            yield session

    @app.post("/notes", status_code=201, tags=["notes"])
    async def write(note: NoteIn, db: AsyncSession = Depends(open_session)) -> NoteOut:
        kept = Note(text=note.text)
        db.add(kept)
        await db.flush()
        return NoteOut(id=kept.id, text=kept.text)

    @app.get("/notes", tags=["notes"])
    async def read(limit: int = 10, db: AsyncSession = Depends(open_session)) -> list[NoteOut]:
        found = await db.scalars(sa.select(Note).order_by(Note.id).limit(limit))
        return [NoteOut(id=note.id, text=note.text) for note in found]

    @app.get("/notes/{note_id}", tags=["notes"])
    async def read_one(note_id: int, db: AsyncSession = Depends(open_session)) -> NoteOut:
        note = await db.get(Note, note_id)
        if note is None:
            raise HTTPException(404, "no such note", {"X-Looked-For": str(note_id)})
        return NoteOut(id=note.id, text=note.text)


def add_files(app: FastAPI) -> None:
    @app.post("/files")
    async def upload(
        files: Annotated[list[UploadFile], File()], title: Annotated[str, Form()] = ""
    ) -> dict[str, Any]:
        contents = [await file.read() for file in files]
        return {
            "title": title,
            "files": [
                {"name": file.filename, "type": file.content_type, "size": len(content)}
                for file, content in zip(files, contents, strict=True)
            ],
            "sha256": hashlib.sha256(b"".join(contents)).hexdigest(),
        }

    @app.put("/raw")
    async def raw(request: Request) -> dict[str, int]:
        return {"bytes": sum([len(chunk) async for chunk in request.stream()])}


def add_odd_routes(app: FastAPI) -> None:
    @app.get("/", response_class=HTMLResponse)
    async def home(request: Request) -> str:
        return f"<h1>{request.state.greeting}</h1>"

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            for number in range(3):
                yield b"%d\n" % number

        return StreamingResponse(lines(), media_type="text/plain")

    @app.get("/out-of-paper")
    async def out_of_paper() -> None:
        raise OutOfPaper

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    @app.post("/later", status_code=202)
    async def later(tasks: BackgroundTasks, request: Request) -> dict[str, str]:
        tasks.add_task(request.app.state.life.append, "later")
        return {"cookie": request.cookies.get("paper", "none")}

    mounted = FastAPI()

    @mounted.get("/inside")
    async def inside() -> dict[str, str]:
        return {"where": "inside"}

    app.mount("/mounted", mounted)

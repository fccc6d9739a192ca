"""Logging: one pipeline, without secrets, configured by `serve` alone.

`get_logger` works everywhere. Inside a host application its events go to the standard logger of
that name, to whatever handlers the host has; only `configure_logging` sets handlers up.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO, cast

import msgspec
import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import EventDict, Processor

from keywright.core.control_characters import escape_controls
from keywright.core.redaction import redact_named

if TYPE_CHECKING:
    from keywright.core.settings import Settings

Writer = Callable[[Mapping[str, Any]], None]
REQUEST_ID: ContextVar[str | None] = ContextVar("keywright_request_id", default=None)
FIELDS = "keywright"  # the attribute of a log record that carries an event's fields
WHOLE_IN_A_PIPE = 4096  # bytes
PASSED_ON = ("exc_info", "stack_info", "stacklevel")
TRACEBACKS = ("exception", "stack")
SERVER_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


def get_logger(name: str) -> BoundLogger:
    """`log.info("session_opened", session_id=…)`: an event and its fields."""
    return cast(
        "BoundLogger",
        structlog.wrap_logger(
            logging.getLogger(name),
            processors=event_processors(),
            wrapper_class=BoundLogger,
            cache_logger_on_first_use=True,
        ),
    )


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Route everything that this process logs, uvicorn's lines too, to `stream` (stderr)."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(build_formatter(settings, stream))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    for name in SERVER_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    structlog.configure(
        processors=event_processors(),
        wrapper_class=BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def direct_writer(settings: Settings, stream: TextIO | None = None) -> Writer | None:
    """Writes an event's fields as a line of JSON, past the pipeline: for one line a request, of
    fields that hold no secret. None where lines are text for people.
    """
    stream = stream or sys.stderr
    return None if writes_text(settings, stream) else Lines(stream).add


class Lines:
    """What one turn of the event loop logs is written at its end, in few pieces of whole lines.

    A piece of at most 4 KiB goes into a pipe whole or waits (POSIX `PIPE_BUF`): lines of several
    processes are never cut into each other.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[bytes] = []

    def add(self, event: Mapping[str, Any]) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write)
        self._waiting.append(msgspec.json.encode(event))

    def _write(self) -> None:
        lines, self._waiting = self._waiting, []
        for piece in pieces_of(lines):
            self._stream.write(piece.decode())
            self._stream.flush()


def pieces_of(lines: list[bytes]) -> Iterator[bytes]:
    piece = b""
    for line in lines:
        if piece and len(piece) + len(line) >= WHOLE_IN_A_PIPE:
            yield piece
            piece = b""
        piece += line + b"\n"
    yield piece


def event_processors() -> list[Processor]:
    return [
        structlog.stdlib.filter_by_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        add_request_id,
        redact_secrets,
        hand_to_stdlib,
    ]


def build_formatter(settings: Settings, stream: TextIO) -> logging.Formatter:
    as_text = writes_text(settings, stream)
    return ProcessorFormatter(
        foreign_pre_chain=[
            add_request_id,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            take_fields,
        ],
        processors=[
            structlog.processors.format_exc_info,
            ProcessorFormatter.remove_processors_meta,
            redact_secrets,
            *(text_renderers(colors=stream.isatty()) if as_text else json_renderers()),
        ],
    )


def writes_text(settings: Settings, stream: TextIO) -> bool:
    return settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty())


def text_renderers(*, colors: bool) -> list[Processor]:
    return [
        escape_control_characters,
        structlog.dev.ConsoleRenderer(
            colors=colors,
            exception_formatter=structlog.dev.plain_traceback,  # the rich one shows local values
        ),
    ]


def json_renderers() -> list[Processor]:
    return [structlog.processors.JSONRenderer(default=str)]


def add_request_id(_logger: Any, _method: str, event_dict: EventDict) -> EventDict:
    """Of the request at hand, on every line that it causes."""
    request_id = REQUEST_ID.get()
    if request_id is not None:
        event_dict.setdefault("request_id", request_id)
    return event_dict


def redact_secrets(_logger: Any, _method: str, event_dict: EventDict) -> EventDict:
    """Nothing secret is logged (security.md, "Abuse"). `exc_info` is masked once it is text."""
    return {
        name: value if name in PASSED_ON else redact_named(name, value)
        for name, value in event_dict.items()
    }


def hand_to_stdlib(
    _logger: Any, _method: str, event_dict: MutableMapping[str, Any]
) -> dict[str, Any]:
    """The arguments of the standard logger: readable by any handler, whole for our own."""
    passed_on = {name: event_dict.pop(name) for name in PASSED_ON if name in event_dict}
    event = str(event_dict.pop("event", ""))
    pairs = [escape_controls(f"{name}={value}") for name, value in event_dict.items()]
    return {
        "msg": " ".join([event, *pairs]),
        "extra": {FIELDS: {"event": event, **event_dict}},
        **passed_on,
    }


def take_fields(_logger: Any, _method: str, event_dict: EventDict) -> EventDict:
    """The fields of an event of ours, instead of the line that other handlers read."""
    record: logging.LogRecord = event_dict["_record"]
    event_dict.update(getattr(record, FIELDS, {}))
    return event_dict


def escape_control_characters(_logger: Any, _method: str, event_dict: EventDict) -> EventDict:
    """A value can neither begin a line of its own nor steer the terminal."""
    return {
        name: escape_controls(value) if isinstance(value, str) and name not in TRACEBACKS else value
        for name, value in event_dict.items()
    }

"""Logging: one pipeline, without secrets, configured by `serve` alone.

`get_logger` works everywhere. Inside a host application its events go to the standard logger of
that name, to whatever handlers the host has; only `configure_logging` sets handlers up.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from keywright.core.control_characters import escape_controls
from keywright.core.redaction import redact_named

if TYPE_CHECKING:
    from keywright.core.settings import Settings

Event = dict[str, Any]  # its name as `event`, and its fields
Writer = Callable[[Mapping[str, Any]], None]
REQUEST_ID: ContextVar[str | None] = ContextVar("keywright_request_id", default=None)
FIELDS = "keywright"  # the attribute of a log record that carries an event's fields
WHOLE_IN_A_PIPE = 4096  # bytes
PASSED_ON = ("exc_info", "stack_info", "stacklevel")
TRACEBACKS = ("exception", "stack")
FRAMES = 3  # from the standard logger back to whoever logs an event
SERVER_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


class Logger:
    """`log.info("session_opened", session_id=…)`: an event and its fields."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: Any) -> None:
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._log(logging.WARNING, event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """With the traceback of the exception at hand."""
        self._log(logging.ERROR, event, {"exc_info": True, **fields})

    def _log(self, level: int, event: str, fields: Event) -> None:
        if self._logger.isEnabledFor(level):
            record = as_record({"event": event, **fields})
            self._logger.log(level, **{"stacklevel": FRAMES, **record})


def get_logger(name: str) -> Logger:
    return Logger(name)


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


def configure_structlog() -> None:
    """What an application around us logs by structlog takes the same way. We use nothing of it
    but its lines for people: loading it and rich takes longer than a tenth of a start.
    """
    import structlog

    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            lambda _logger, _method, event: as_record(dict(event)),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
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


def as_record(event: Event) -> dict[str, Any]:
    """The arguments of the standard logger: readable by any handler, whole for our own."""
    event = redact_secrets(with_request_id(event))
    passed_on = {name: event.pop(name) for name in PASSED_ON if name in event}
    name = str(event.pop("event", ""))
    pairs = [escape_controls(f"{name}={value}") for name, value in event.items()]
    return {
        "msg": " ".join([name, *pairs]),
        "extra": {FIELDS: {"event": name, **event}},
        **passed_on,
    }


def build_formatter(settings: Settings, stream: TextIO) -> logging.Formatter:
    as_text = writes_text(settings, stream)
    return Formatter(text_line(colors=stream.isatty()) if as_text else json_line)


def writes_text(settings: Settings, stream: TextIO) -> bool:
    return settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty())


class Formatter(logging.Formatter):
    """Writes records of whoever logged them: ours with their fields, others as one text."""

    def __init__(self, write_line: Callable[[Event], str]) -> None:
        super().__init__()
        self._write_line = write_line

    def format(self, record: logging.LogRecord) -> str:
        return self._write_line(redact_secrets(self._event_of(record)))

    def _event_of(self, record: logging.LogRecord) -> Event:
        event = {
            **with_request_id({"event": record.getMessage()}),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": moment_of(record),
            **getattr(record, FIELDS, {}),  # instead of the line that other handlers read
        }
        if record.stack_info:
            event["stack"] = record.stack_info
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return event


def moment_of(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def json_line(event: Event) -> str:
    return json.dumps(event, default=str)


def text_line(*, colors: bool) -> Callable[[Event], str]:
    from structlog.dev import ConsoleRenderer  # it takes long to load, and here a person reads

    render = ConsoleRenderer(colors=colors)
    return lambda event: str(render(None, "", escape_control_characters(event)))


def with_request_id(event: Event) -> Event:
    """Of the request at hand, on every line that it causes."""
    request_id = REQUEST_ID.get()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    return event


def redact_secrets(event: Event) -> Event:
    """Nothing secret is logged (security.md, "Abuse"). `exc_info` is masked once it is text."""
    return {
        name: value if name in PASSED_ON else redact_named(name, value)
        for name, value in event.items()
    }


def escape_control_characters(event: Event) -> Event:
    """A value can neither begin a line of its own nor steer the terminal."""
    return {
        name: escape_controls(value) if isinstance(value, str) and name not in TRACEBACKS else value
        for name, value in event.items()
    }

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest
import structlog

from keywright.core.log import (
    REQUEST_ID,
    configure_logging,
    configure_structlog,
    direct_writer,
    get_logger,
)
from keywright.core.redaction import MASK, Secret
from keywright.core.settings import Settings

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


@pytest.fixture
def untouched_logging():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def stream(untouched_logging) -> io.StringIO:
    return io.StringIO()


def configured(stream: io.StringIO, log_format: str) -> None:
    configure_logging(Settings(log_format=log_format), stream)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_its_fields_and_request_id(stream):
    configured(stream, "auto")
    request = REQUEST_ID.set("req_1")
    get_logger("keywright.web").info("signed_in", amr=["pwd"], n=1)
    REQUEST_ID.reset(request)
    (line,) = lines(stream)
    assert line.pop("timestamp")
    assert line == {
        "event": "signed_in",
        "amr": ["pwd"],
        "n": 1,
        "level": "info",
        "logger": "keywright.web",
        "request_id": "req_1",
    }


def test_events_of_a_bare_structlog_logger_take_the_same_way(stream):
    configured(stream, "json")
    configure_structlog()
    structlog.get_logger("keywright.web").warning("refused", token="abc", why=f"bad {JWT}")
    (line,) = lines(stream)
    assert (line["token"], line["why"], line["logger"]) == (MASK, f"bad {MASK}", "keywright.web")


def test_the_access_log_goes_through_the_same_pipeline(stream):
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler(io.StringIO()))
    configured(stream, "json")
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", "/verify-email?token=abcdef", "1.1", 200
    )
    (line,) = lines(stream)
    assert line["event"] == f'127.0.0.1:5 - "GET /verify-email?token={MASK} HTTP/1.1" 200'


def test_secrets_are_hidden_by_type_name_and_shape(stream):
    configured(stream, "json")
    get_logger("keywright.web").info(
        "tried", password="hunter2", given=Secret("hunter2"), form={"new_password": "hunter2"}
    )
    logging.getLogger("elsewhere").info("password='hunter2' %s", JWT)
    assert "hunter2" not in stream.getvalue()
    assert JWT not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_tracebacks_are_masked_and_show_no_local_values(stream, log_format):
    configured(stream, log_format)
    try:
        fail(["local", "hunter", "2"])
    except ValueError:
        get_logger("keywright.web").exception("unexpected_error")
    assert "ValueError" in stream.getvalue()
    assert "localhunter2" not in stream.getvalue()
    assert f"password={MASK}" in stream.getvalue()


def fail(parts: list[str]) -> None:
    secret = "".join(parts)
    raise ValueError(f"password='{secret}'")


def test_text_is_one_readable_line(stream):
    configured(stream, "text")
    get_logger("keywright.web").info("signed_in", amr=["pwd"])
    (line,) = stream.getvalue().splitlines()
    assert "signed_in" in line
    assert "amr=['pwd']" in line


def test_a_value_cannot_forge_a_line_or_steer_the_terminal(stream):
    configured(stream, "text")
    logging.getLogger("elsewhere").info("a\nb\x1b[2J\u2028c\ud800")
    get_logger("keywright.web").info("tried", agent="x\r\nforged")
    assert len(stream.getvalue().splitlines()) == 2
    assert "\x1b[2J" not in stream.getvalue()


def test_nothing_is_configured_before_it_is_asked_for(untouched_logging):
    root = logging.getLogger()
    before = root.handlers[:], root.level
    get_logger("keywright.web").info("something")
    assert (root.handlers, root.level) == before
    assert not structlog.is_configured()


def test_a_host_application_gets_plain_records_without_secrets(untouched_logging, caplog):
    with caplog.at_level(logging.INFO, logger="keywright.hosted"):
        get_logger("keywright.hosted").info("signed_in", name="Ada", token="abc", n=1)
    (record,) = caplog.records
    assert record.getMessage() == f"signed_in name=Ada token={MASK} n=1"
    assert record.keywright == {"event": "signed_in", "name": "Ada", "token": MASK, "n": 1}


def test_levels_are_the_standard_loggers(stream):
    configured(stream, "json")
    get_logger("keywright.web").debug("too much")
    assert stream.getvalue() == ""


class Pieces(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return super().write(text)


@pytest.mark.anyio
async def test_lines_of_one_turn_are_written_together():
    stream = Pieces()
    write = direct_writer(Settings(log_format="json"), stream)
    for number in range(3):
        write({"event": "request", "number": number})
    assert stream.pieces == []
    await asyncio.sleep(0)
    assert [line["number"] for line in lines(stream)] == [0, 1, 2]
    assert len(stream.pieces) == 1
    write({"event": "request", "number": 3})
    await asyncio.sleep(0)
    assert stream.getvalue().endswith('"number":3}\n')


@pytest.mark.anyio
async def test_a_piece_is_small_enough_to_be_written_whole():
    """Processes that share a pipe would cut longer ones into each other."""
    stream = Pieces()
    write = direct_writer(Settings(log_format="json"), stream)
    for number in range(100):
        write({"event": "request", "number": number, "path": "/" + "x" * 200})
    await asyncio.sleep(0)
    assert [line["number"] for line in lines(stream)] == list(range(100))
    assert all(len(piece) <= 4096 and piece.endswith("\n") for piece in stream.pieces)
    assert len(stream.pieces) < 10


def test_lines_for_people_take_the_pipeline():
    assert direct_writer(Settings(log_format="text"), io.StringIO()) is None

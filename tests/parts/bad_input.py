"""What somebody who means harm, or a broken client, may send to an operation."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from parts.operations import MARKER

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=xx"
MEGABYTE = 1 << 20
EMOJI = "👩‍🔧🔑"


@dataclass(frozen=True)
class Attack:
    """One request's body and headers, and the codes of which the answer must carry one."""

    name: str
    content: bytes | AsyncIterator[bytes] | None
    codes: frozenset[str]
    content_type: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)
    blamed: str | None = None  # the field that the answer must name

    @property
    def all_headers(self) -> list[tuple[bytes, bytes]]:
        given = {"content-type": self.content_type} if self.content_type is not None else {}
        return [(k.encode(), v.encode()) for k, v in {**given, **self.headers}.items()]


def attack(name: str, content: Any, *codes: str, **more: Any) -> Attack:
    body = content.encode() if isinstance(content, str) else content
    return Attack(name, body, frozenset(codes), **more)


def attacks_on_any_body() -> Iterator[Attack]:
    """Refused before anybody reads what it says, on every operation, body or none."""
    yield from too_large()
    yield from nul_bytes()
    yield from too_deep()
    yield from wrong_types_of_content()


def too_large() -> Iterator[Attack]:
    big = json.dumps({"email": MARKER * (MEGABYTE // len(MARKER))})
    yield attack("1 MB of JSON", big, "body_too_large")
    yield attack("1 MB in chunks", in_chunks(big.encode()), "body_too_large")
    yield attack("1 MB of form", "email=" + "x" * MEGABYTE, "body_too_large", content_type=FORM)
    yield attack("1 MB without a type", "x" * MEGABYTE, "body_too_large", content_type=None)
    for length in ("99999999999999999999", "9" * 5000):
        yield attack(
            f"{len(length)} digits of length",
            "{}",
            "body_too_large",
            headers={"content-length": length},
        )


async def in_chunks(content: bytes, size: int = 4096) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def nul_bytes() -> Iterator[Attack]:
    yield attack("raw NUL", f'{{"email": "{MARKER}\0"}}', "nul_byte")
    yield attack("NUL escaped", f'{{"email": "{MARKER}\\u0000"}}', "nul_byte")
    yield attack("NUL in a name", f'{{"{MARKER}\\u0000": 1}}', "nul_byte")
    yield attack("UTF-16", f'{{"email": "{MARKER}"}}'.encode("utf-16"), "nul_byte")
    form = ("nul_byte", "unsupported_media_type")
    yield attack("NUL in a form", f"username=%00{MARKER}", *form, content_type=FORM)
    yield attack("raw NUL in a form", f"username=\0{MARKER}", *form, content_type=FORM)
    parts = f'--xx\r\nContent-Disposition: form-data; name="username"\r\n\r\n\0{MARKER}\r\n--xx--'
    yield attack("NUL in a multipart", parts, *form, content_type=MULTIPART)


def too_deep() -> Iterator[Attack]:
    for levels in (25, 100_000 // 4, 30_000):
        yield attack(f"{levels} arrays", "[" * levels + "]" * levels, "json_too_deep")
        yield attack(f"{levels} arrays, unterminated", "[" * levels, "json_too_deep")
    yield attack("objects", '{"a":' * 25 + "1" + "}" * 25, "json_too_deep")
    yield attack("strings between", '{"a]":["[",' * 12 + "1" + "]}" * 12, "json_too_deep")
    yield attack("100,000 deep", "[" * 100_000, "body_too_large")


def wrong_types_of_content() -> Iterator[Attack]:
    body = json.dumps({"email": MARKER})
    for wrong in (
        "text/plain",
        "application/xml",
        "image/png",
        "x",
        "/",
        "application/jsonx",
        MARKER,
    ):
        yield attack(f"as {wrong}", body, "unsupported_media_type", content_type=wrong)
    yield attack("without a type", body, "unsupported_media_type", content_type=None)
    yield attack("an empty type", body, "unsupported_media_type", content_type="")
    for charset in ("utf-16", "latin-1", "utf-7", MARKER):
        yield attack(
            f"charset {charset}",
            body,
            "unsupported_media_type",
            content_type=f"{JSON}; charset={charset}",
        )


def attacks_on_a_json_body() -> Iterator[Attack]:
    """On operations that read JSON."""
    for name, text in {
        "words": MARKER,
        "unterminated object": f'{{"email": "{MARKER}"',
        "unterminated string": f'{{"email": "{MARKER}',
        "brackets in an unterminated string": f'{{"email": "{MARKER}' + "[" * 30_000,
        "backslash at the end": f'{{"email": "{MARKER}\\',
        "two values": f'{{}} {{"email": "{MARKER}"}}',
        "trailing comma": f'{{"email": "{MARKER}",}}',
        "single quotes": f"{{'email': '{MARKER}'}}",
        "comment": f"{{}} // {MARKER}",
        "closing brackets": "]" * 1000 + "[" * 1000,
        "control character": f'{{"email": "{MARKER}\x01"}}',
        "a name twice": f'{{"email": "a@example.com", "email": "{MARKER}"}}',
        "NaN": '{"email": NaN}',
        "Infinity": '{"email": -Infinity}',
    }.items():
        yield attack(name, text, "invalid_json")
    yield attack("invalid UTF-8", b'{"email": "\xff\xfe' + MARKER.encode() + b'"}', "invalid_json")
    yield attack("overlong UTF-8", b'{"email": "\xc0\xaf"}', "invalid_json")
    yield attack("surrogate in UTF-8", b'{"email": "\xed\xa0\x80"}', "invalid_json")
    yield attack("a huge number", '{"email": ' + "9" * 5000 + "}", "invalid_json")
    yield attack("a huge exponent", '{"email": 1e400}', "invalid_input")
    yield attack("a huge float", '{"email": 1' + "0" * 400 + ".5}", "invalid_input")
    for name, text in {
        "array": f'["{MARKER}"]',
        "string": f'"{MARKER}"',
        "number": "17",
        "true": "true",
        "unknown field": '{"is_admin": true}',
        "unknown long field": f'{{"{MARKER * 1000}": 1}}',
        "unknown odd field": f'{{"{MARKER} {EMOJI}": 1}}',
        "prototype": '{"__proto__": {"admin": true}, "constructor": {}}',
    }.items():
        yield attack(name, text, "invalid_input")


def attacks_on_a_form() -> Iterator[Attack]:
    refused = ("invalid_form", "invalid_input")
    for name, text in {
        "no fields": "",
        "words": MARKER,
        "no password": f"username={MARKER}",
        "2,000 fields": "&".join(f"{MARKER[:4]}{n}=1" for n in range(2000)),
        "a long user name": f"username={MARKER * 1000}&password=x",
        "a grant type": f"username=a&password={MARKER}&grant_type=authorization_code",
    }.items():
        yield attack(f"form: {name}", text, *refused, content_type=FORM)
    head = 'Content-Disposition: form-data; name="username"'
    for name, text in {
        "nothing": MARKER,
        "no end": f"--xx\r\n{head}\r\n\r\n{MARKER}",
        "no name": f"--xx\r\nContent-Disposition: form-data\r\n\r\n{MARKER}\r\n--xx--\r\n",
        "broken header": f"--xx\r\n{MARKER}\r\n\r\nx\r\n--xx--\r\n",
        "broken end": f"--xx\r\n{head}\r\n\r\n{MARKER}\r\n--xx-?\r\n",
        "a file": f'--xx\r\n{head}; filename="{MARKER}"\r\n\r\n{MARKER}\r\n--xx--\r\n',
        "a field twice": f"--xx\r\n{head}\r\n\r\n{MARKER}\r\n" * 2 + "--xx--\r\n",
        "charset": f"--xx\r\n{head}; charset={MARKER}\r\n\r\nx\r\n--xx--\r\n",
        "1,500 parts": "".join(f"--xx\r\n{head}\r\n\r\n\r\n" for _ in range(1500))[:60_000],
    }.items():
        yield attack(f"multipart: {name}", text, *refused, content_type=MULTIPART)
    for boundary in ("", "; boundary=", "; boundary=" + "x" * 5000, f"; boundary={EMOJI}"):
        yield attack(
            f"multipart{boundary[:14]}",
            f"--xx\r\n{head}\r\n\r\n{MARKER}",
            *refused,
            content_type=f"multipart/form-data{boundary}",
        )


def attacks_on_fields(schema: dict[str, Any]) -> Iterator[Attack]:
    """Each field in turn wrong, the others right; each missing; each twice."""
    fields = schema["properties"]
    good = {name: valid_value(name, one) for name, one in fields.items()}
    for name, one in fields.items():
        for label, value in bad_values(one):
            text = json.dumps({**good, name: value})
            yield attack(f"{name}: {label}", text, "invalid_input", blamed=name)
        if name in schema.get("required", ()):
            rest = {other: good[other] for other in good if other != name}
            yield attack(f"without {name}", json.dumps(rest), "invalid_input", blamed=name)
            first = json.dumps({**good, name: MARKER})[:-1]
            yield attack(f"{name} twice", f'{first}, "{name}": "x"}}', "invalid_json")
    if schema.get("required"):
        yield attack("no body", None, "invalid_input", content_type=None)
        yield attack("blanks", " \t\n ", "invalid_json")


def bad_values(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Values that a field of this schema cannot take, with what to call them."""
    kinds = kinds_of(schema)
    wrong = {"a number": 17, "an array": [{MARKER: 1}], "a huge number": 10**400}
    if "boolean" not in kinds:
        wrong["true"] = True
    if "object" not in kinds:
        wrong["an object"] = {MARKER: 1}
    if "null" not in kinds:
        wrong["null"] = None
    if "string" in kinds:
        wrong["10,000 characters"] = MARKER * 834
        wrong["12,000 bytes of emoji"] = "🔑" * 3000
        wrong["half a surrogate pair"] = f"{MARKER}\ud83d"
    yield from wrong.items()


def valid_value(name: str, schema: dict[str, Any]) -> Any:
    """Something that the schema takes; whether the application does is another matter."""
    kinds = kinds_of(schema)
    if "null" in kinds:
        return None
    if "enum" in schema:
        return schema["enum"][0]
    if "string" in kinds:
        return "ada@example.com" if name == "email" else "correct horse battery staple"
    return {"array": [], "boolean": True, "integer": 1, "object": {}}[kinds[0]]


def kinds_of(schema: dict[str, Any]) -> list[str]:
    return [one["type"] for one in schema.get("anyOf", [schema])]

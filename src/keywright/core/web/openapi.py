"""Our operations in an application's OpenAPI document: good names for clients, errors as problems.

FastAPI writes the document; what it cannot be told is put right afterwards, where it is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder

from keywright.core.web.problem import PROBLEM_JSON, Problem

if TYPE_CHECKING:
    from keywright.core.context import Context, SecuritySchemes

BEARER = "KeywrightBearer"
COOKIE = "KeywrightCookie"
SIGN_IN: dict[str, Any] = {"security": [{BEARER: []}, {COOKIE: []}]}
OPTIONAL_SIGN_IN: dict[str, Any] = {"security": [*SIGN_IN["security"], {}]}
LOGINS = "keywright_logins"  # at `app.openapi`: of the Keywrights that it describes
NAME = "x-keywright-name"  # marks our operations while the document is written
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "What is wrong and what to do (RFC 9457)."},
    "503": {
        "model": Problem,
        "description": "Not available right now; try again after `Retry-After` seconds.",
    },
}
Operation = dict[str, Any]


def describe_ours(app: FastAPI, schemes: SecuritySchemes) -> None:
    """Extend `app.openapi`, as FastAPI documents it. Done before routes are added: they repeat the
    names of the schemes.
    """
    generate = app.openapi
    logins: list[str] = getattr(generate, LOGINS, [])
    if schemes.login not in logins:
        logins = [*logins, schemes.login]
    if (number := 1 + logins.index(schemes.login)) > 1:
        schemes.number(number)

    def openapi() -> dict[str, Any]:
        document = generate()
        operations = list(operations_of(document))
        ours = [one for one in operations if NAME in one]
        name_operations(operations)
        for operation in ours:
            type_problems(operation)
        list_scopes(document, operations)
        add_cookie(document, operations, schemes)
        return document

    setattr(openapi, LOGINS, logins)
    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def name_schemes(described: Operation, kw: Context) -> Operation:
    """Where a route of ours says by itself how to sign in, which of its Keywrights is meant."""
    if "security" not in described:
        return described
    names = {BEARER: kw.schemes.bearer.scheme_name, COOKIE: kw.schemes.cookie.scheme_name}
    ways: list[dict[str, list[str]]] = described["security"]
    security = [{names.get(name, name): way[name] for name in way} for way in ways]
    return {**described, "security": security}


def operations_of(document: dict[str, Any]) -> Iterator[Operation]:
    for methods in document.get("paths", {}).values():
        yield from (one for one in methods.values() if isinstance(one, dict))


def name_operations(operations: list[Operation]) -> None:
    """The plain name, unless the application or another Keywright in it has it already."""
    taken = {one.get("operationId") for one in operations}
    for operation in operations:
        name = operation.pop(NAME, None)
        if name is not None and name not in taken:
            operation["operationId"] = name
            taken.add(name)


def type_problems(operation: Operation) -> None:
    """FastAPI gives every response of a route the media type of its success."""
    for response in operation["responses"].values():
        content = response.get("content", {})
        if is_problem(content.get("application/json", {})):
            content[PROBLEM_JSON] = content.pop("application/json")


def list_scopes(document: dict[str, Any], operations: list[Operation]) -> None:
    """`/docs` offers the scopes that the scheme lists; a requirement does not list its own."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    for name in filter(re.compile(rf"{BEARER}\d*").fullmatch, schemes):
        offered = schemes[name]["flows"]["password"]["scopes"]
        for operation in operations:
            for requirement in operation.get("security", ()):
                offered.update(dict.fromkeys(requirement.get(name, ()), ""))


def add_cookie(
    document: dict[str, Any], operations: list[Operation], schemes: SecuritySchemes
) -> None:
    """Where a requirement says that a token opens an operation, the pages' cookie does too."""
    described = document.get("components", {}).get("securitySchemes", {})
    token, cookie = schemes.bearer.scheme_name, schemes.cookie.scheme_name
    if token not in described:
        return
    described[cookie] = jsonable_encoder(schemes.cookie.model, by_alias=True, exclude_none=True)
    for operation in operations:
        ways: list[dict[str, list[str]]] = operation.get("security", [])
        if any(token in way for way in ways) and not any(cookie in way for way in ways):
            place = next(number for number, way in enumerate(ways) if token in way)
            ways.insert(place + 1, {cookie: ways[place][token]})


def is_problem(described: dict[str, Any]) -> bool:
    reference: str = described.get("schema", {}).get("$ref", "")
    return reference.endswith(Problem.__name__)

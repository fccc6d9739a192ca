"""What the OpenAPI document promises to those who generate clients from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from parts.house import house_settings
from pydantic import BaseModel

from keywright import Keywright, User
from keywright.app import create_app

SUCCESS_WITHOUT_BODY = "204"


def application(folder: Path) -> FastAPI:
    return create_app(house_settings("sqlite://", folder))


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    return application(tmp_path).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_reference_leads_to_a_component(document: dict[str, Any]) -> None:
    found = set(references(document))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert found <= known
    assert "$defs" not in json.dumps(document)


def test_names_are_plain_and_each_names_one_operation(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []
    assert "x-keywright" not in json.dumps(document)


def test_every_operation_is_told_and_tagged(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["tags"], name
        assert operation.get("description") or operation.get("summary"), name


def test_every_answer_is_described_with_its_media_type(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        responses = operation["responses"]
        assert list(responses["4XX"]["content"]) == ["application/problem+json"], name
        assert "503" in responses, name
        for status, response in responses.items():
            assert response["description"], (name, status)
            if status != SUCCESS_WITHOUT_BODY:
                assert all("schema" in one for one in response["content"].values()), (name, status)


def test_every_string_that_is_sent_has_a_greatest_length(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).values()
        parameters = [one for one in operation.get("parameters", ()) if one["in"] != "cookie"]
        schemas = [one["schema"] for one in (*content, *parameters)]
        assert [one for schema in schemas for one in endless(document, schema)] == [], name


def endless(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
    bounded = schema.get("format") == "uuid" or schema.keys() & {"maxLength", "enum", "pattern"}
    if schema.get("type") == "string" and not bounded:
        yield schema
    for one in [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]:
        yield from endless(document, one)
    if "items" in schema:
        yield from endless(document, schema["items"])


def test_every_credential_and_scope_that_is_asked_for_is_offered(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    scopes = set(schemes["KeywrightBearer"]["flows"]["password"]["scopes"])
    for name, operation in operations(document):
        for requirement in operation.get("security", ()):
            assert set(requirement) <= set(schemes), name
            assert set(requirement.get("KeywrightBearer", ())) <= scopes, name


class Problem(BaseModel):
    own: int


def test_in_an_application_its_own_names_and_schemas_stay(tmp_path: Path) -> None:
    app, kw = FastAPI(), Keywright(house_settings("sqlite://", tmp_path))

    @app.post("/login", operation_id="login")
    def own_login(user: User = Depends(kw.user(scopes=["images:read"]))) -> Problem:
        return Problem(own=1)

    alone = FastAPI.openapi(app)["paths"]["/login"]
    app.openapi_schema = None
    kw.install(app)
    Keywright(house_settings("sqlite://", tmp_path)).install(
        app, prefix="/second", include=["auth"]
    )
    document = app.openapi()
    names = [operation["operationId"] for _, operation in operations(document)]
    assert document["paths"]["/login"]["post"]["operationId"] == "login"
    assert alone["post"]["operationId"] == "login"
    assert len(names) == len(set(names))
    assert "register" in names
    assert set(references(document)) <= {
        f"#/components/schemas/{name}" for name in document["components"]["schemas"]
    }
    flow = document["components"]["securitySchemes"]["KeywrightBearer"]["flows"]["password"]
    assert "images:read" in flow["scopes"]

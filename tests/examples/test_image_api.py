"""The story of `examples/image_api` against the running thing (reference-apps.md §5)."""

from __future__ import annotations

import difflib
import re
import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from parts.image_api import SOURCE, ImageApi, clone
from parts.server import answers

ADA, EVE, BOB = "ada@example.com", "eve@example.com", "bob@example.com"
PASSWORD = "correct horse battery staple"
PROMPT = {"prompt": "two red hills at sunset"}
API = "/api/v1"
LOGIN, WHO_AM_I, IMAGES = f"{API}/login/access-token", f"{API}/login/test-token", f"{API}/images"
PNG = b"\x89PNG\r\n\x1a\n"
REAL_HASHES = {"ARGON2_MEMORY_KIB": "19456", "ARGON2_TIME_COST": "2"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageApi]:
    """The protected API, running, with Ada as its first administrator."""
    example = clone(tmp_path_factory.mktemp("image_api"), {"RATE_LIMITS": "off", **REAL_HASHES})
    example.create_administrator(ADA, PASSWORD)
    with example.serve():
        yield example


@pytest.fixture
def visitor(api: ImageApi) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api.base_url) as client:
        yield client


@pytest.fixture
def ada(api: ImageApi) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api.base_url) as client:
        sign_in(client, ADA)
        yield client


@pytest.fixture
def somebody(api: ImageApi, ada: httpx.Client) -> Iterator[tuple[httpx.Client, dict[str, Any]]]:
    """A person whom Ada made an account for, signed in, and their account."""
    address = f"somebody.{time.monotonic_ns()}@example.com"
    made = ada.post(f"{API}/users", json={"email": address, "password": PASSWORD})
    assert made.status_code == 201
    with httpx.Client(base_url=api.base_url) as client:
        sign_in(client, address)
        yield client, made.json()


def sign_in(client: httpx.Client, email: str, password: str = PASSWORD) -> None:
    answer = client.post(LOGIN, data={"username": email, "password": password})
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "bearer"
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


# Before


def test_before_anybody_may_draw_the_same_picture(tmp_path, somebody):
    example = clone(tmp_path)
    command = (str(example.folder.parents[1] / ".venv/bin/uvicorn"), "before.main:app")
    with (
        example.serve(*command, "--port", str(example.port)),
        httpx.Client(base_url=example.base_url) as anybody,
    ):
        theirs = draw(anybody)
    assert theirs == draw(somebody[0])


def draw(client: httpx.Client) -> bytes:
    image = client.post(IMAGES, json=PROMPT).json()
    picture = client.get(f"{IMAGES}/{image['id']}")
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(PNG)
    return picture.content


# Signing in


def test_the_token_route_answers_a_token_that_says_who_you_are(visitor):
    sign_in(visitor, ADA)
    me = visitor.post(WHO_AM_I).json()
    assert (me["email"], me["roles"], me["status"]) == (ADA, ["admin"], "active")
    assert not {"password", "password_hash"} & me.keys()


@pytest.fixture
def strangers(api, ada) -> dict[str, str]:
    """One whose password is wrong, one whom nobody knows, one who was deactivated."""
    made = ada.post(f"{API}/users", json={"email": BOB, "password": PASSWORD})
    bob = made.json() if made.status_code == 201 else find(ada, BOB)
    ada.post(f"{API}/users/{bob['id']}/disable")
    ada.post(f"{API}/users", json={"email": EVE, "password": "quiet harbour lantern"})
    return {"wrong": EVE, "unknown": "nobody@example.com", "inactive": BOB}


def find(admin: httpx.Client, email: str) -> dict[str, Any]:
    found: dict[str, Any] = admin.get(f"{API}/users", params={"search": email}).json()["items"][0]
    return found


def refused_login(client: httpx.Client, email: str) -> httpx.Response:
    return client.post(LOGIN, data={"username": email, "password": PASSWORD})


def test_wrong_password_unknown_and_inactive_user_cannot_be_told_apart(visitor, strangers):
    seen = [told(refused_login(visitor, email)) for email in strangers.values()]
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == 401


def told(answer: httpx.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Everything that an answer tells, but for the number of the request and the time."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    headers = {k: v for k, v in answer.headers.items() if k not in {"date", "x-request-id"}}
    return answer.status_code, body, headers


def test_the_time_a_refusal_takes_does_not_tell_why(visitor, strangers):
    seconds: dict[str, list[float]] = {why: [] for why in strangers}
    for _ in range(8):  # fewer than the ten after which an account pauses
        for why, email in strangers.items():
            started = time.perf_counter()
            assert refused_login(visitor, email).status_code == 401
            seconds[why].append(time.perf_counter() - started)
    medians = {why: statistics.median(taken) for why, taken in seconds.items()}
    assert max(medians.values()) < 2 * min(medians.values()), medians


# Protected routes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", WHO_AM_I),
        ("POST", IMAGES),
        ("GET", IMAGES),
        ("GET", f"{IMAGES}/00000000-0000-0000-0000-000000000001"),
        ("GET", f"{API}/statistics"),
        ("GET", f"{API}/users"),
        ("PATCH", f"{API}/users/me"),
    ],
)
def test_every_route_asks_for_a_token(visitor, method, path):
    answer = visitor.request(method, path, json=PROMPT if method != "GET" else None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_people_see_their_own_pictures_alone(somebody, ada):
    client, _ = somebody
    image = client.post(IMAGES, json=PROMPT).json()
    assert client.get(IMAGES).json() == [image]
    assert image not in ada.get(IMAGES).json()
    assert ada.get(f"{IMAGES}/{image['id']}").status_code == 404


def test_a_route_may_ask_for_a_superuser(somebody, ada):
    draw(ada)
    assert somebody[0].get(f"{API}/statistics").status_code == 403
    assert ada.get(f"{API}/statistics").json()["images"] >= 1


def test_a_route_may_ask_for_a_scope(visitor):
    for scope, status in (("users:read", 403), ("images", 201)):
        form = {"username": ADA, "password": PASSWORD, "scope": scope}
        token = visitor.post(LOGIN, data=form).json()["access_token"]
        drawn = visitor.post(IMAGES, json=PROMPT, headers={"Authorization": f"Bearer {token}"})
        assert drawn.status_code == status


# Administration and self-service


def test_an_administrator_creates_lists_edits_deactivates_and_deletes(ada, visitor):
    address = "carol@example.com"
    made = ada.post(f"{API}/users", json={"email": address, "password": PASSWORD})
    carol = f"{API}/users/{made.json()['id']}"
    assert find(ada, "carol")["email"] == address
    assert ada.patch(carol, json={"name": "Carol"}).json()["name"] == "Carol"
    sign_in(visitor, address)
    assert ada.post(f"{carol}/disable").json()["status"] == "disabled"
    assert visitor.get(IMAGES).status_code == 401
    assert refused_login(visitor, address).status_code == 401
    assert ada.post(f"{carol}/enable").json()["status"] == "active"
    sign_in(visitor, address)
    assert visitor.get(IMAGES).status_code == 200
    assert ada.delete(carol).status_code == 204
    assert visitor.get(IMAGES).status_code == 401
    assert ada.get(carol).status_code == 404


def test_roles_open_doors_at_once(ada, somebody):
    client, account = somebody
    assert client.get(f"{API}/users").status_code == 403
    ada.put(f"{API}/users/{account['id']}/roles", json={"roles": ["moderator"]})
    assert client.get(f"{API}/users").status_code == 200
    assert client.get(f"{API}/statistics").status_code == 403
    ada.put(f"{API}/users/{account['id']}/roles", json={"roles": ["admin"]})
    assert client.get(f"{API}/statistics").status_code == 200
    ada.put(f"{API}/users/{account['id']}/roles", json={"roles": []})
    assert client.get(f"{API}/users").status_code == 403


def test_people_edit_their_own_profile_and_nothing_else(somebody):
    client, account = somebody
    edited = client.patch(f"{API}/users/me", json={"name": "Somebody", "locale": "en"})
    assert (edited.json()["name"], client.post(WHO_AM_I).json()["locale"]) == ("Somebody", "en")
    assert client.patch(f"{API}/users/me", json={"roles": ["admin"]}).status_code == 422
    assert client.patch(f"{API}/users/{account['id']}", json={"name": "X"}).status_code == 403


# /docs


def test_docs_can_authorize(visitor):
    """What Swagger UI reads and then sends; tests/browser drives the page itself."""
    assert "openapi.json" in visitor.get("/docs").text
    document = visitor.get("/openapi.json").json()
    flow = document["components"]["securitySchemes"]["KeywrightBearer"]["flows"]["password"]
    assert "images" in flow["scopes"]
    swagger = {
        "Authorization": "Basic Og==",  # no client id, no client secret
        "Origin": str(visitor.base_url).rstrip("/"),
        "Sec-Fetch-Site": "same-origin",
        "X-Requested-With": "XMLHttpRequest",
    }
    form = {"grant_type": "password", "username": ADA, "password": PASSWORD, "scope": "images"}
    token = visitor.post(flow["tokenUrl"], data=form, headers=swagger).json()
    swagger["Authorization"] = f"{token['token_type']} {token['access_token']}"
    assert visitor.post(IMAGES, json=PROMPT, headers=swagger).status_code == 201


def test_openapi_says_which_routes_need_which_scope(visitor):
    document = visitor.get("/openapi.json").json()
    schemes = document["components"]["securitySchemes"]
    needed = {
        (method, path): one
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for one in operation.get("security", [])
        if "KeywrightBearer" in one
    }
    assert needed["post", IMAGES] == {"KeywrightBearer": ["images"]}
    assert needed["post", WHO_AM_I] == {"KeywrightBearer": []}
    assert needed["get", f"{API}/users"] == {"KeywrightBearer": ["users:read"]}
    assert ("post", LOGIN) not in needed
    offered = schemes["KeywrightBearer"]["flows"]["password"]["scopes"]
    asked = {scope for one in needed.values() for scope in one["KeywrightBearer"]}
    assert asked <= offered.keys()
    assert referenced(document) <= schemas_of(document)


def referenced(document: dict[str, Any]) -> set[str]:
    return set(re.findall(r"'#/components/schemas/([^']+)'", str(document)))


def schemas_of(document: dict[str, Any]) -> set[str]:
    return set(document["components"]["schemas"])


# The README


def readme_blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", (SOURCE / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )


def test_the_readme_shows_the_difference_which_is_under_15_lines():
    before, after = (
        (SOURCE / place / "main.py").read_text().splitlines(keepends=True)
        for place in ("before", "image_api")
    )
    difference = list(
        difflib.unified_diff(before, after, "before/main.py", "image_api/main.py", n=1)
    )
    assert readme_blocks("diff") == ["".join(difference)]
    changed = [line for line in difference[2:] if line.startswith(("+", "-"))]
    assert len(changed) < 15


def test_the_readmes_blocks_run_one_after_another(tmp_path):
    example = clone(tmp_path)
    blocks = [b.replace("127.0.0.1:8000", f"127.0.0.1:{example.port}") for b in readme_blocks("sh")]
    start = blocks.index("make run\n")
    example.run("bash", "-ec", "".join(blocks[:start]))
    with example.serve("make", "run") as server:
        assert answers(f"{server.base_url}/system/health/ready")
        said = example.run("bash", "-ec", "".join(blocks[start + 1 :])).stdout
    assert (example.folder / "hills.png").read_bytes().startswith(PNG)
    for expected in (ADA, '"not_authenticated"', '"images":1', '"disabled"', "passed"):
        assert expected in said
    for unexpected in ("failed", "Traceback", "forbidden", "invalid_input"):
        assert unexpected not in said


def test_the_example_stays_short():
    lines = sum(len(path.read_text().splitlines()) for path in (SOURCE / "image_api").glob("*.py"))
    assert lines < 300

"""`keywright.testing`, as the tests of an application use it."""

from __future__ import annotations

import pytest
from fastapi import Depends, FastAPI

from keywright import Keywright, Settings, User
from keywright.testing import KeywrightUnderTest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.anyio
LOGIN, ME = "/api/v1/auth/login", "/api/v1/users/me"
ADA, EVE = "ada@example.com", "eve@example.com"
PASSWORD = "correct horse battery"


@pytest.fixture
def keywright_instance(tmp_path) -> Keywright:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    return Keywright(settings, permissions={"user": ["draw"]})


@pytest.fixture
def app(keywright_instance: Keywright) -> FastAPI:
    app = FastAPI()
    keywright_instance.install(app)

    @app.get("/draw")
    async def draw(user: User = Depends(keywright_instance.user(scopes=["draw"]))) -> str:
        return user.email

    return app


async def test_signing_in_makes_the_account_at_the_first_time(kw: KeywrightUnderTest, app):
    async with kw.client(app) as client:
        first = await kw.sign_in(client)
        again = await kw.sign_in(client)
        assert (first.id, first.email, first.email_verified) == (again.id, ADA, True)
        assert (await client.get("/draw")).json() == ADA


async def test_roles_are_given_to_an_account_that_exists(kw: KeywrightUnderTest, app):
    async with kw.client(app) as client:
        await kw.sign_in(client)
        assert (await client.get("/api/v1/users")).status_code == 403
        assert (await kw.sign_in(client, roles=["moderator"])).roles == ("moderator",)
        assert (await client.get("/api/v1/users")).status_code == 200
        assert (await kw.sign_in(client)).roles == ("moderator",)


async def test_a_scope_that_no_role_permits_is_a_mistake_of_the_test(kw: KeywrightUnderTest, app):
    async with kw.client(app) as client:
        with pytest.raises(LookupError, match="permissions="):
            await kw.sign_in(client, scopes=["fly"])


async def test_several_people_have_clients_of_their_own(kw: KeywrightUnderTest, app):
    async with kw.client(app) as hers:
        async with kw.client(app) as his:
            await kw.sign_in(hers, email=ADA)
            await kw.sign_in(his, email=EVE)
            assert (await his.get("/draw")).json() == EVE
        assert (await hers.get("/draw")).json() == ADA


async def test_an_account_may_have_a_password(kw: KeywrightUnderTest, app):
    async with kw.client(app) as client:
        await kw.create_user(ADA, password=PASSWORD)
        await kw.create_user(EVE)
        for email, status in ((ADA, 200), (EVE, 401)):
            answer = await client.post(LOGIN, json={"email": email, "password": PASSWORD})
            assert answer.status_code == status


async def test_mails_are_kept_with_their_tokens(kw: KeywrightUnderTest, app):
    async with kw.client(app) as client:
        with pytest.raises(LookupError, match="No mail"):
            await kw.outbox.last()
        await client.post("/api/v1/auth/register", json={"email": ADA, "password": PASSWORD})
        token = (await kw.outbox.last(ADA)).token
        verified = await client.post("/api/v1/auth/verify-email", json={"token": token})
        assert verified.status_code == 200
        assert len(await kw.outbox.mails()) == 1


async def test_the_clock_stands_still_until_it_is_moved(kw: KeywrightUnderTest, app):
    async with kw.client(app) as client:
        await kw.sign_in(client)
        kw.clock.advance(minutes=14)
        assert (await client.get("/draw")).status_code == 200
        kw.clock.advance(minutes=2)
        assert (await client.get("/draw")).json()["code"] == "token_expired"


async def test_each_test_begins_with_an_empty_database(kw: KeywrightUnderTest, app):
    async with kw.client(app) as client:
        await kw.sign_in(client, roles=["admin"])
        assert len((await client.get("/api/v1/users")).json()["items"]) == 1


def test_importing_the_application_leaves_nothing_in_its_folder(pytester, monkeypatch):
    monkeypatch.delenv("KEYWRIGHT_DATA_DIR", raising=False)
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\nkeywright = "myapp:kw"\n')
    pytester.makepyfile(
        myapp="from keywright import Keywright\nkw = Keywright()",
        conftest="import myapp",
        test_myapp="def test_it(kw): assert kw.outbox",
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert not (pytester.path / "data").exists()


def test_without_a_place_the_fixture_says_what_to_set(pytester):
    pytester.makepyfile("def test_it(kw): ...")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(['*keywright = "myapp.main:kw"*'])

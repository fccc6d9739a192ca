"""Every type comes back as it went in, on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parts import people
from parts.people import Status, a_person

from keywright.core.db import Database, TextEnum
from keywright.core.db.types import decode_json, encode_json

pytestmark = pytest.mark.anyio

# What PostgreSQL can hold: no NUL, no half of a surrogate pair.
text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
numbers = st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15, allow_subnormal=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
zones = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-720, 840))
a_day = timedelta(days=1)
instants = st.datetimes(datetime.min + a_day, datetime.max - a_day, timezones=zones)  # noqa: DTZ901
persons = st.fixed_dictionaries(
    {
        "id": st.uuids(),
        "verified": st.booleans(),
        "status": st.sampled_from(Status),
        "preferences": st.none()
        | st.dictionaries(text, json_values, max_size=4)
        | st.lists(json_values, max_size=4),
        "created_at": instants,
        "secret": st.none() | st.binary(),
        "generation": st.integers(-(2**31), 2**31 - 1),
        "balance": st.none() | st.integers(-(2**63), 2**63 - 1),
    }
)


@given(values=persons, name=text.filter(lambda name: len(name) < 200))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_each_type_makes_the_round_trip(
    database: Database, values: dict[str, Any], name: str
) -> None:
    person = a_person(**values)
    person["email"] = f"{person['email']} {name}"
    await database.run(people.REMOVE_ALL)
    await database.run(people.ADD, **person)
    row = await database.one(people.FIND, id=person["id"])
    assert row == people.Person(**person)
    assert row is not None
    assert row.created_at.tzinfo is UTC
    assert [found.id for found in await database.many(people.AMONG_EMAILS, emails=[row.email])] == [
        person["id"]
    ]
    times = [person["created_at"]]
    assert len(await database.many(people.AMONG_TIMES, times=times)) == 1


def test_an_enum_that_does_not_fit_its_column_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 4"):
        TextEnum(Status, 4)


def test_json_is_read_as_text_and_as_values() -> None:
    assert decode_json(encode_json({"a": [1]})) == {"a": [1]}
    assert decode_json(b'{"a": 1}') == {"a": 1}
    assert decode_json({"a": 1}) == {"a": 1}
    assert decode_json(None) is None

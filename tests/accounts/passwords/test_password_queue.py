from __future__ import annotations

import asyncio
import random

import pytest
from parts.hashing import Desk

from keywright.accounts.passwords.errors import Overloaded
from keywright.accounts.passwords.lane import WAITING_PER_NETWORK
from keywright.accounts.passwords.queue import KNOWN_IN_A_ROW, FairQueue
from keywright.core.errors import KeywrightError, TooManyRequests

pytestmark = pytest.mark.anyio


async def test_only_as_many_run_as_there_are_slots():
    desk = Desk(FairQueue(2))
    tasks = [await desk.ask(name) for name in "abc"]
    assert desk.started == ["a", "b"]
    await desk.finish("b")
    assert desk.started == ["a", "b", "c"]
    await desk.finish_all()
    assert [await task for task in tasks] == ["a", "b", "c"]


async def test_a_free_slot_is_given_whatever_the_network_or_the_account_has_running():
    desk = Desk(FairQueue(6))
    for name in "abcdef":
        await desk.ask(name, account="ada")
    assert len(desk.started) == 6
    await desk.finish_all()


async def test_the_turns_stay_fair_over_many_rounds():
    desk = Desk(FairQueue(1))
    await desk.ask("running")
    for network in ("x", "y", "z"):
        for number in range(3):
            await desk.ask(f"{network}{number}", network=network)
    await desk.finish_all()
    assert desk.started[1:] == ["x0", "y0", "z0", "x1", "y1", "z1", "x2", "y2", "z2"]


async def test_callers_whose_network_is_unknown_are_not_counted_as_one():
    desk = Desk(FairQueue(1))
    for number in range(8):
        await desk.ask(str(number), network=None)
    await desk.finish_all()
    assert len(desk.started) == 8


async def test_a_cancelled_waiting_request_frees_its_place():
    desk = Desk(FairQueue(1))
    await desk.ask("running")
    gone = await desk.ask("gone", account="ada")
    gone.cancel()
    await desk.settle()
    again = await desk.ask("again", account="ada")
    await desk.finish_all()
    assert desk.started == ["running", "again"]
    assert await again == "again"


async def test_a_cancelled_running_request_keeps_its_slot_until_its_work_has_ended():
    desk = Desk(FairQueue(1))
    gone = await desk.ask("gone")
    gone.cancel()
    waiting = await desk.ask("waiting")
    assert gone.cancelled()
    assert desk.started == ["gone"]
    await desk.finish("gone")
    await desk.finish("waiting")
    assert await waiting == "waiting"


async def test_a_request_that_waited_too_long_gives_its_place_to_the_next():
    desk = Desk(FairQueue(1, longest_wait=0.06))
    await desk.ask("running")
    late = await desk.ask("late", account="ada")
    with pytest.raises(Overloaded):
        await late
    await desk.ask("next", account="ada")
    await desk.finish_all()
    assert desk.started == ["running", "next"]


async def test_failing_work_reaches_its_caller_alone_and_frees_the_slot():
    desk = Desk(FairQueue(1))
    first, second = await desk.ask("first"), await desk.ask("second")
    await desk.fail("first", RuntimeError("broken"))
    with pytest.raises(RuntimeError, match="broken"):
        await first
    await desk.finish("second")
    assert await second == "second"


async def test_cancelled_work_is_a_cancelled_request():
    desk = Desk(FairQueue(1))
    first, second = await desk.ask("first"), await desk.ask("second")
    desk._work.pop("first").cancel()
    await desk.settle()
    assert first.cancelled()
    await desk.finish("second")
    assert await second == "second"


async def test_strangers_get_one_turn_in_ten_however_many_known_devices_wait():
    desk = Desk(FairQueue(1))
    await desk.ask("running")
    await desk.ask("stranger")
    for number in range(KNOWN_IN_A_ROW + 3):
        await desk.ask(f"known{number}", network=str(number), known_device=True)
    await desk.finish_all()
    assert desk.started.index("stranger") == KNOWN_IN_A_ROW + 1


async def test_known_devices_have_bounds_of_their_own():
    desk = Desk(FairQueue(1))
    await desk.ask("running")
    await desk.ask("waiting", account="ada", known_device=True)
    second = await desk.ask("second", account="ada", known_device=True)
    with pytest.raises(TooManyRequests):
        await second
    await desk.finish_all()


async def test_who_finds_no_place_is_told_the_policy():
    """draft-ietf-httpapi-ratelimit-headers-10: places have a unit, and no window."""
    desk = Desk(FairQueue(1))
    await desk.ask("running")
    await desk.ask("ada", account="ada", network="x")
    for number in range(WAITING_PER_NETWORK - 1):
        await desk.ask(f"other{number}", account=str(number), network="x")
    for policy, places, asked in [
        ("password-queue-account", 1, {"account": "ada", "network": "y"}),
        ("password-queue-network", WAITING_PER_NETWORK, {"account": "eve", "network": "x"}),
    ]:
        with pytest.raises(TooManyRequests) as caught:
            await (await desk.ask(f"refused by {policy}", **asked))
        assert caught.value.headers == {
            "Retry-After": "1",
            "RateLimit-Policy": f'"{policy}";q={places};qu="concurrent-requests"',
            "RateLimit": f'"{policy}";r=0;t=1',
        }
    await desk.finish_all()


async def test_the_projected_wait_counts_everyone_who_goes_first():
    times = iter([0.0, 10.0])  # the first hash takes 10 s: from now on 1.05 s are expected
    queue = FairQueue(1, now=lambda: next(times, 10.0))
    desk = Desk(queue)
    await desk.ask("slow")
    await desk.finish("slow")
    await desk.ask("running")
    await desk.ask("waiting", network="x")
    refused = await desk.ask("refused", network="y")
    with pytest.raises(Overloaded) as caught:
        await refused
    assert caught.value.headers["Retry-After"] == "3"
    assert desk.started == ["slow", "running"]
    known = await desk.ask("known", network="y", known_device=True)
    await desk.finish_all()
    assert await known == "known"


async def test_who_would_wait_almost_too_long_is_refused_at_once():
    """Who is let in is served: the wait comes out longer than it was projected."""
    for expected, is_let_in in ((1.6, True), (1.8, False)):
        times = iter([0.0, (expected - 0.05) * 10 + 0.05])
        desk = Desk(FairQueue(1, now=lambda times=times: next(times, 100.0)))
        await desk.ask("slow")
        await desk.finish("slow")
        await desk.ask("running")
        next_one = await desk.ask("next")
        await desk.settle()
        assert next_one.done() is not is_let_in
        await desk.finish_all()
        await asyncio.gather(next_one, return_exceptions=True)


async def test_closing_sends_away_who_waits_and_who_comes():
    desk = Desk(FairQueue(1))
    running, waiting = await desk.ask("running"), await desk.ask("waiting")
    desk.queue.close()
    with pytest.raises(Overloaded):
        await waiting
    with pytest.raises(Overloaded):
        await (await desk.ask("late"))
    await desk.finish("running")
    assert await running == "running"


@pytest.mark.parametrize("seed", range(20))
async def test_in_any_storm_slots_are_kept_and_everyone_is_answered(seed: int):
    chance = random.Random(seed)
    slots = chance.choice([1, 2, 3, 10, 20])
    queue = FairQueue(slots, longest_wait=0.05)
    running = most = 0

    async def work() -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            await asyncio.sleep(chance.random() / 500)
        finally:
            running -= 1
        return "done"

    works: list[asyncio.Task[str]] = []

    def start() -> asyncio.Task[str]:
        works.append(asyncio.create_task(work()))
        return works[-1]

    async def call() -> str:
        await asyncio.sleep(chance.random() / 20)
        return await queue.run(
            start,
            network=chance.choice(["x", "y", "z", None]),
            account=str(chance.randrange(40)),
            known_device=chance.random() < 0.3,
        )

    calls = [asyncio.create_task(call()) for _ in range(150)]
    await asyncio.sleep(0.02)
    for task in chance.sample(calls, 30):
        task.cancel()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert most <= slots
    assert all(
        outcome == "done" or isinstance(outcome, KeywrightError | asyncio.CancelledError)
        for outcome in outcomes
    )
    await asyncio.gather(*works)
    await Desk.settle()
    for lane in (queue._known, queue._strangers):
        assert (len(lane), lane.running, lane._accounts) == (0, 0, set())

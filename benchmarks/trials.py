"""What no table of rates shows: who waits in a rush of sign-ins, how soon one too many is told so,
and what a revocation is worth.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import msgspec

from benchmarks.load import Generator, Outcome
from benchmarks.machine import Cores
from benchmarks.ours import PREFIX
from benchmarks.ours import sign_in as sign_in_of
from benchmarks.servers import Running
from benchmarks.subject import PASSWORD, Measure, Place, Request, email_of

RUSH = 64  # connections that sign in
ASKING = 4  # connections that ask who they are meanwhile
HEAD_START_SECONDS = 2
LOOK_EVERY_SECONDS = 0.02
TIMES_WHAT_IT_TAKES = 4  # so many sign-ins arrive in an overload


class Storm(msgspec.Struct, frozen=True):
    """Who-am-I on all cores, alone and while 64 connections sign in."""

    at_rest: Outcome
    in_storm: Outcome
    sign_ins: Outcome

    @property
    def ratio(self) -> float:
        """Of the p99s: 5 at most is the target."""
        return self.in_storm.p99 / self.at_rest.p99


def brave_storm(server: Running, cores: Cores, seconds: int) -> Storm:
    who, url = server.subject.load(Measure.WHO_AM_I, server.place), server.place.url
    rush = server.subject.load(Measure.SIGN_IN, server.place)
    generator = Generator(cores.all)
    server.move_to(cores.all)
    at_rest = generator.send(who, url, connections=ASKING, seconds=seconds)
    with ThreadPoolExecutor(1) as beside:
        longer = seconds + 2 * HEAD_START_SECONDS
        signing_in = beside.submit(generator.send, rush, url, connections=RUSH, seconds=longer)
        time.sleep(HEAD_START_SECONDS)
        in_storm = generator.send(who, url, connections=ASKING, seconds=seconds)
        sign_ins = signing_in.result()
    server.move_to(cores.server)
    return Storm(at_rest, in_storm, sign_ins)


class Overload(msgspec.Struct, frozen=True):
    """More sign-ins than the server takes. `p50` and `p99` are of the refusals, in seconds;
    `without_advice` of them had no Retry-After. `flaw` is the first answer of another kind.
    """

    arrived: int
    signed_in: int
    refused: int
    without_advice: int
    p50: float
    p99: float
    flaw: str | None


@dataclass
class Answers:
    signed_in: int = 0
    without_advice: int = 0
    refused_after: list[float] = field(default_factory=list)
    flaw: str | None = None

    def note(self, head: str, seconds: float) -> None:
        status = head.split(" ", 2)[1] if " " in head else "no answer"
        if status == "200":
            self.signed_in += 1
        elif status == "503":
            self.refused_after.append(seconds)
            self.without_advice += "\r\nretry-after: " not in head.lower()
        else:
            self.flaw = self.flaw or head.partition("\r\n")[0] or status


def overload(server: Running, cores: Cores, seconds: int) -> Overload:
    """Everybody has an account, a network and a connection of their own, and comes whether or not
    the others were answered. Raises `RuntimeError` where nobody was sent away.
    """
    load = server.subject.load(Measure.SIGN_IN, server.place)
    server.move_to(cores.all)
    usual = Generator(cores.all).send(load, server.place.url, connections=32, seconds=seconds)
    arrivals = round(usual.rate * TIMES_WHAT_IT_TAKES)
    answers = asyncio.run(arrive(server.place, arrivals, seconds))
    server.move_to(cores.server)
    times = sorted(answers.refused_after)
    if not times:
        raise RuntimeError(f"{arrivals} sign-ins a second were no overload: {answers.flaw}")
    return Overload(
        arrived=arrivals * seconds,
        signed_in=answers.signed_in,
        refused=len(times),
        without_advice=answers.without_advice,
        p50=statistics.median(times),
        p99=times[len(times) * 99 // 100],
        flaw=answers.flaw,
    )


async def arrive(place: Place, arrivals: int, seconds: int) -> Answers:
    """`arrivals` a second, evenly."""
    answers = Answers()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(arrivals * seconds):
            await asyncio.sleep(began + number / arrivals - time.perf_counter())
            tasks.create_task(ask_once(place, sign_in_of(number % place.users), answers))
    return answers


async def ask_once(place: Place, request: Request, answers: Answers) -> None:
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    writer.write(in_bytes(request))
    head = await reader.readuntil(b"\r\n\r\n")
    answers.note(head.decode(), time.perf_counter() - began)
    writer.close()


def in_bytes(request: Request) -> bytes:
    body = request.body.encode()
    headers = {**request.headers, "Host": "127.0.0.1", "Content-Length": str(len(body))}
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Watch:
    """A session that is ended while the server is asked by others: `late` answers were good after
    that, and should be none.
    """

    good: int = 0
    refused: int = 0
    late: int = 0


def watch_revocation(server: Running, cores: Cores, seconds: int) -> Watch:
    """Raises `RuntimeError` where the session was not good before."""
    watch, ended = Watch(), threading.Event()
    with httpx.Client(base_url=server.place.url) as client, ThreadPoolExecutor(1) as beside:
        headers = {"Authorization": f"Bearer {sign_in(client)}"}
        others = server.subject.load(Measure.WHO_AM_I, server.place)
        load = beside.submit(
            Generator(cores.others).send,
            others,
            server.place.url,
            connections=32,
            seconds=seconds,
        )
        half = time.monotonic() + seconds / 2
        while not load.done():
            if not ended.is_set() and time.monotonic() > half:
                client.post(f"{PREFIX}/logout", headers=headers).raise_for_status()
                ended.set()
            look(client, headers, watch, after=ended.is_set())
            time.sleep(LOOK_EVERY_SECONDS)
    if not watch.good or not watch.refused:
        raise RuntimeError(f"The watched session was never seen good and refused: {watch}")
    return watch


def sign_in(client: httpx.Client) -> str:
    body = {"email": email_of(0), "password": PASSWORD, "token_transport": "body"}
    answer = client.post(f"{PREFIX}/login", json=body).raise_for_status()
    token: str = answer.json()["access_token"]
    return token


def look(client: httpx.Client, headers: dict[str, str], watch: Watch, *, after: bool) -> None:
    good = client.get(f"{PREFIX}/me", headers=headers).status_code == httpx.codes.OK
    watch.good += good and not after
    watch.late += good and after
    watch.refused += not good

"""What no table of rates shows: who waits in a rush of sign-ins, and what a revocation is worth."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import msgspec

from benchmarks.load import Generator, Outcome
from benchmarks.machine import Cores
from benchmarks.ours import PREFIX
from benchmarks.servers import Running
from benchmarks.subject import PASSWORD, Measure, email_of

RUSH = 64  # connections that sign in
ASKING = 4  # connections that ask who they are meanwhile
HEAD_START_SECONDS = 2
LOOK_EVERY_SECONDS = 0.02


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

"""Argon2 and nothing else on all cores, while wrk asks as often as people sign in."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.bare import SECONDS, TOGETHER, Hashing, argon2
from benchmarks.bare_argon2 import Build
from benchmarks.hello import Hello
from benchmarks.hello_apps import PAUSE
from benchmarks.load import Generator
from benchmarks.machine import Cores
from benchmarks.servers import new_place, start
from benchmarks.subject import Command, Measure, Place

HEAD_START_SECONDS = 1


class PacedHello(Hello):
    """Plain ASGI that answers after a pause: so many connections get so many answers a second."""

    name = "paced"
    program = "benchmarks.hello_apps:paced"

    def __init__(self, pause: float) -> None:
        self._pause = pause

    def command(self, place: Place) -> Command:
        command = super().command(place)
        return replace(command, environment={**command.environment, PAUSE: str(self._pause)})


def argon2_beside_load(
    build: Build, cores: Cores, home: Path, *, rate: float, seconds: float = SECONDS
) -> Hashing:
    """`rate` is how many sign-ins a second the traffic stands for."""
    subject, place = PacedHello(TOGETHER / rate), new_place(home, "", 0, 0)
    server = start(subject, place, cores.all)
    try:
        with ThreadPoolExecutor(1) as beside:
            traffic = beside.submit(
                Generator(cores.all).send,
                subject.load(Measure.HELLO, place),
                place.url,
                connections=TOGETHER,
                seconds=round(seconds) + 2 * HEAD_START_SECONDS,
            )
            time.sleep(HEAD_START_SECONDS)
            found = argon2(build, cores.all, len(cores.all), seconds)
            traffic.result()
    finally:
        server.stop()
    return found

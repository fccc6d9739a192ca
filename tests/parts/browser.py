"""Chromium as people have it, driven by Playwright. No test is left out for want of one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Playwright,
    Request,
    WebError,
    sync_playwright,
)

P = ParamSpec("P")
T = TypeVar("T")

NAMES = ("chromium", "chromium-browser", "google-chrome")
UNPACKED = Path(__file__).parents[2] / ".tools" / "chromium" / "run"  # scripts/install_browser.sh
ELSEWHERE = "elsewhere.example"  # another site, as the browser sees it
ARGUMENTS = (
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
MACHINE = frozenset({"127.0.0.1", ELSEWHERE})
MILLISECONDS = 10_000


class ChromiumMissing(RuntimeError):
    def __init__(self) -> None:
        super().__init__(
            "The tests in tests/browser need Chromium. Run `make browser`, or install it (Debian: "
            "`apt-get install chromium`), or set KEYWRIGHT_CHROMIUM to a Chromium or Chrome."
        )


def find_chromium() -> str:
    """What somebody set by hand comes first, what `make browser` unpacked last."""
    if named := os.environ.get("KEYWRIGHT_CHROMIUM"):
        return named
    installed = next((found for name in NAMES if (found := shutil.which(name))), None)
    if installed is None and not UNPACKED.exists():
        raise ChromiumMissing
    return installed or str(UNPACKED)


class Chromium:
    """A running browser. Whoever touches it or what it opens does so by `run`.

    Playwright's synchronous interface keeps an event loop going in the thread that it is used in,
    next to which no other test could start one: so it has a thread of its own.
    """

    def __init__(self, program: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chromium")
        self._playwright: Playwright = self.run(sync_playwright().start)
        self._browser: Browser = self.run(
            self._playwright.chromium.launch,
            executable_path=program,
            args=list(ARGUMENTS),
            ignore_default_args=["--disable-back-forward-cache"],  # people have it
        )

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._thread.submit(work, *args, **kwargs).result()

    def close(self) -> None:
        self.run(self._browser.close)
        self.run(self._playwright.stop)
        self._thread.shutdown()

    @contextmanager
    def profile(self, **options: Any) -> Iterator[tuple[BrowserContext, Watch]]:
        """A new empty profile: nothing in it is known to any other. `options` are Playwright's."""
        context = self._browser.new_context(**options)
        context.set_default_timeout(MILLISECONDS)
        context.set_default_navigation_timeout(MILLISECONDS)
        try:
            yield context, Watch(context)
        finally:
            context.close()


class Watch:
    """`complaints` are what a browser says is wrong with our pages: errors and warnings on its
    console, where the refusals of a Content-Security-Policy stand too, exceptions in scripts, and
    requests that would leave this machine. A favicon is asked for by the browser, not by a page.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self._known = set(MACHINE)
        context.on("console", self._hear)
        context.on("weberror", self._see)
        context.on("request", self._notice)

    def forgive(self, words: str) -> None:
        """One complaint that is right: a refused form is answered 4xx, and the console says so."""
        found = next((one for one in self.complaints if words in one), None)
        assert found is not None, f"no complaint about {words!r} among {self.complaints}"
        self.complaints.remove(found)

    def expect_requests_to(self, host: str) -> None:
        """The test answers in the place of this host."""
        self._known.add(host)

    def require_silence(self) -> None:
        assert not self.complaints, "\n".join(self.complaints)

    def _hear(self, message: ConsoleMessage) -> None:
        asked_by_itself = message.location["url"].endswith("/favicon.ico")
        if message.type in {"error", "warning"} and not asked_by_itself:
            self.complaints.append(f"{message.type} at {message.location['url']}: {message.text}")

    def _see(self, error: WebError) -> None:
        self.complaints.append(f"exception: {error.error}")

    def _notice(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https"} and parts.hostname not in self._known:
            self.complaints.append(f"request to elsewhere: {request.url}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    browser = Chromium(find_chromium())
    yield browser
    browser.close()

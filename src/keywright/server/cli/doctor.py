from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from keywright.server.cli.output import say, say_json

if TYPE_CHECKING:
    from keywright.server.doctor.findings import Finding

EXAMPLE = "Example: keywright doctor --send-to you@example.com"
COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}


def doctor(
    context: typer.Context,
    send_to: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Send a test mail to this address.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check what Keywright needs and say what to fix. Looks at settings, database, clock, keys
    and mail; changes nothing; exit code 1 when something is a problem.
    """
    findings = asyncio.run(diagnose(context, send_to, as_json=as_json))
    if as_json:
        say_json([dataclasses.asdict(finding) for finding in findings])
    if any(finding.verdict == "problem" for finding in findings):
        raise typer.Exit(1)


async def diagnose(context: typer.Context, send_to: str | None, *, as_json: bool) -> list[Finding]:
    findings = []
    async for finding in look(context, send_to):
        findings.append(finding)
        if not as_json:
            say_finding(finding)
    return findings


async def look(context: typer.Context, send_to: str | None) -> AsyncIterator[Finding]:
    """Settings that cannot even be read are a finding too."""
    from keywright.core.clock import SystemClock
    from keywright.core.errors import ConfigurationError
    from keywright.server.doctor.examine import Patient, examine
    from keywright.server.doctor.findings import problem
    from keywright.server.installation import find_database

    try:
        settings, db = find_database(context)
    except ConfigurationError as error:
        yield problem("settings", "The settings cannot be used.", error.detail)
        return
    async for finding in examine(Patient(settings, db, SystemClock()), send_to=send_to):
        yield finding


def say_finding(finding: Finding) -> None:
    mark = typer.style(f"{finding.verdict:<8}", fg=COLORS[finding.verdict], bold=True)
    say(f" {finding.part:<10} {finding.says}", mark=mark)
    if finding.advice:
        say(f"{'':<20}→ {finding.advice}")

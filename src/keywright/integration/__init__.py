"""Keywright as one object: its parts are put together, started, and mounted into an application."""

from __future__ import annotations

from keywright.integration.keywright import Keywright

__all__ = ["Keywright"]

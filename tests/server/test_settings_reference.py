from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from keywright.core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "write_settings_reference.py"


def test_the_reference_is_what_the_settings_say():
    check = subprocess.run(
        [sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stdout) == (0, "")


def test_every_setting_is_in_it_with_description_default_and_example():
    sections = (ROOT / "docs" / "reference" / "settings.md").read_text().split("\n## ")[1:]
    names = [section.partition("`")[2].partition("`")[0] for section in sections]
    assert names == [f"KEYWRIGHT_{name.upper()}" for name in Settings.model_fields]
    for section in sections:
        for part in ("\n- Takes: ", "\n- Default: ", "\n- Example: "):
            assert part in section

"""What fits a screen is read to its end (architecture.md, Style: files up to 300 lines, never 500)."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "scripts", "examples", "benchmarks")
KINDS = {".py", ".html", ".css", ".js", ".ts", ".sh"}
LINES_OF_A_FILE = 500
LINES_OF_HALF_THE_FUNCTIONS = 10


def too_long(root: Path) -> set[str]:
    return {
        str(path.relative_to(root))
        for folder in FOLDERS
        for path in (root / folder).rglob("*")
        if path.suffix in KINDS and len(path.read_text().splitlines()) > LINES_OF_A_FILE
    }


def test_no_file_is_longer_than_500_lines() -> None:
    assert too_long(ROOT) == set()


def test_a_file_that_is_longer_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "src" / "deep"
    folder.mkdir(parents=True)
    (folder / "just_right.py").write_text("pass\n" * 500)
    (folder / "too_long.py").write_text("pass\n" * 501)
    (folder / "page.html").write_text("<br>\n" * 501)
    (folder / "data.toml").write_text("a = 1\n" * 501)
    assert too_long(tmp_path) == {"src/deep/too_long.py", "src/deep/page.html"}


def test_half_of_all_functions_have_ten_lines_or_fewer() -> None:
    for folder in ("src", "tests"):
        lengths = [
            length
            for path in (ROOT / folder).rglob("*.py")
            for length in lengths_of_functions(ast.parse(path.read_text()))
        ]
        assert len(lengths) > 100
        assert statistics.median(lengths) <= LINES_OF_HALF_THE_FUNCTIONS, folder


def lengths_of_functions(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            yield node.end_lineno - node.lineno + 1

"""Bars as an SVG that Git shows as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from html import escape

WIDTH, LABELS, BAR, GAP, TOP = 760, 220, 22, 8, 44
SVG = "http://www.w3.org/2000/svg"
OURS, OTHERS = "#1f6f54", "#9aa5b1"


def bars(title: str, rates: Mapping[str, float], *, highlighted: Collection[str]) -> str:
    """The fastest first."""
    names = sorted(rates, key=lambda name: -rates[name])
    height = TOP + len(names) * (BAR + GAP) + GAP
    lines = [
        f'<svg xmlns="{SVG}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="26" font-size="15" font-weight="bold">{escape(title)}</text>',
        *(
            line
            for index, name in enumerate(names)
            for line in bar(index, name, rates, highlighted)
        ),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def bar(
    index: int, name: str, rates: Mapping[str, float], highlighted: Collection[str]
) -> Iterator[str]:
    longest = max(rates.values()) or 1
    y = TOP + index * (BAR + GAP)
    width = (WIDTH - LABELS - 90) * rates[name] / longest
    color = OURS if name in highlighted else OTHERS
    at = f'y="{y + 16}" font-size="13"'
    yield f'<text x="{LABELS - 8}" {at} text-anchor="end">{escape(name)}</text>'
    yield f'<rect x="{LABELS}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{color}"/>'
    yield f'<text x="{LABELS + width + 6:.1f}" {at}>{rates[name]:,.0f}</text>'

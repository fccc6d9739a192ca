"""Bars as an SVG that Git shows as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from html import escape

WIDTH, BAR, GAP, TOP = 760, 22, 8, 44
OF_A_LETTER, OF_A_FIGURE = 7.2, 90  # what they need of the width
SVG = "http://www.w3.org/2000/svg"
OURS, OTHERS = "#1f6f54", "#9aa5b1"


def bars(title: str, rates: Mapping[str, float], *, highlighted: Collection[str]) -> str:
    """The fastest first."""
    names = sorted(rates, key=lambda name: -rates[name])
    labels = 20 + OF_A_LETTER * max(map(len, names))
    height = TOP + len(names) * (BAR + GAP) + GAP
    lines = [
        f'<svg xmlns="{SVG}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="26" font-size="15" font-weight="bold">{escape(title)}</text>',
        *(
            line
            for index, name in enumerate(names)
            for line in bar(index, name, labels, rates, highlighted)
        ),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def bar(
    index: int,
    name: str,
    labels: float,
    rates: Mapping[str, float],
    highlighted: Collection[str],
) -> Iterator[str]:
    longest = max(rates.values()) or 1
    y = TOP + index * (BAR + GAP)
    width = (WIDTH - labels - OF_A_FIGURE) * rates[name] / longest
    color = OURS if name in highlighted else OTHERS
    at = f'y="{y + 16}" font-size="13"'
    yield f'<text x="{labels - 8:.1f}" {at} text-anchor="end">{escape(name)}</text>'
    yield f'<rect x="{labels:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{color}"/>'
    yield f'<text x="{labels + width + 6:.1f}" {at}>{rates[name]:,.0f}</text>'

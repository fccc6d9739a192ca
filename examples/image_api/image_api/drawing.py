"""Landscapes from words. The same words give the same picture on every machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from math import sin, tau

from image_api.png import write_png

WIDTH, HEIGHT = 320, 240
Color = tuple[int, int, int]
SKIES: dict[str, tuple[Color, Color]] = {
    "night": ((8, 12, 40), (40, 50, 100)),
    "evening": ((70, 40, 110), (250, 150, 80)),
    "sunset": ((90, 40, 90), (255, 120, 60)),
    "storm": ((50, 55, 65), (120, 125, 130)),
    "day": ((70, 140, 230), (190, 225, 250)),
}
GROUNDS: dict[str, Color] = {
    "red": (190, 50, 45),
    "orange": (230, 130, 40),
    "yellow": (225, 195, 70),
    "blue": (50, 90, 180),
    "sea": (30, 100, 140),
    "purple": (120, 70, 150),
    "white": (235, 240, 245),
    "snow": (225, 235, 245),
    "black": (35, 35, 40),
    "green": (60, 140, 70),
}
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


class Dice:
    """Numbers between 0 and 1 that the words themselves throw."""

    def __init__(self, words: str) -> None:
        self._digest = sha256(words.encode()).digest()
        self._throws = 0

    def throw(self, low: float = 0.0, high: float = 1.0) -> float:
        value = self._digest[self._throws % len(self._digest)] / 255
        self._throws += 1
        return low + value * (high - low)


@dataclass(frozen=True)
class Scene:
    """`ridges` are the hills' heights for each column, the farthest first."""

    sky: tuple[Color, Color]
    disc: tuple[float, float, float]
    ridges: list[tuple[list[float], Color]]


def draw(prompt: str) -> bytes:
    """A PNG of what the words say."""
    return write_png(WIDTH, HEIGHT, paint(imagine(prompt)))


def imagine(prompt: str) -> Scene:
    words, dice = re.findall(r"\w+", prompt.lower()), Dice(prompt)
    sky = next((SKIES[word] for word in words if word in SKIES), SKIES["day"])
    ground = next((GROUNDS[word] for word in words if word in GROUNDS), GROUNDS["green"])
    hills = next((NUMBERS[word] for word in words if word in NUMBERS), 3)
    disc = (dice.throw(40, WIDTH - 40), dice.throw(30, 90), dice.throw(12, 26))
    ridges = [
        (roll_hills(dice, base=110 + 110 * n / hills), blend(sky[1], ground, (n + 1) / hills))
        for n in range(hills)
    ]
    return Scene(sky, disc, ridges)


def roll_hills(dice: Dice, base: float) -> list[float]:
    waves = [
        (dice.throw(4, 24), dice.throw(0.5, 3.5) * tau / WIDTH, dice.throw(0, tau))
        for _ in range(3)
    ]
    return [
        base + sum(size * sin(x * pace + phase) for size, pace, phase in waves)
        for x in range(WIDTH)
    ]


def paint(scene: Scene) -> Iterator[bytes]:
    for y in range(HEIGHT):
        sky = blend(*scene.sky, y / HEIGHT)
        yield b"".join(bytes(color_at(scene, x, y, sky)) for x in range(WIDTH))


def color_at(scene: Scene, x: int, y: int, sky: Color) -> Color:
    for heights, color in reversed(scene.ridges):
        if y >= heights[x]:
            return color
    center_x, center_y, radius = scene.disc
    shines = (x - center_x) ** 2 + (y - center_y) ** 2 <= radius**2
    return (255, 244, 214) if shines else sky


def blend(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue

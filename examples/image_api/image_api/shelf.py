"""Where pictures are kept: a shelf is a folder, a picture two files in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from pydantic import BaseModel


class Image(BaseModel):
    id: UUID
    prompt: str
    drawn_at: datetime


class Statistics(BaseModel):
    images: int
    shelves: int


class Shelf:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, prompt: str, png: bytes) -> Image:
        image = Image(id=uuid4(), prompt=prompt, drawn_at=datetime.now(UTC))
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{image.id}.png").write_bytes(png)
        (self._folder / f"{image.id}.json").write_text(image.model_dump_json())
        return image

    def list(self) -> list[Image]:
        """The newest first."""
        found = [Image.model_validate_json(p.read_bytes()) for p in self._folder.glob("*.json")]
        return sorted(found, key=lambda image: image.drawn_at, reverse=True)

    def read(self, image_id: UUID) -> bytes | None:
        picture = self._folder / f"{image_id}.png"
        return picture.read_bytes() if picture.exists() else None


def count_images(shelves: Path) -> Statistics:
    return Statistics(
        images=len(list(shelves.glob("*/*.png"))), shelves=len(list(shelves.glob("*")))
    )

"""A process that signs people up as fast as it can, and says which ones the database confirmed.

python writer_process.py <database url>
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from keywright.core.db import Database, open_database
from keywright.core.db.sqlite import writer
from parts import people
from parts.people import a_person


async def sign_up_without_end(database: Database) -> None:
    while True:
        person = a_person()
        async with database.transaction() as tx:
            await tx.run(people.ADD, **person)
            await tx.run(people.ADD_ROLE, id=person["id"], person_id=person["id"], name="user")
        os.write(1, f"{person['id']}\n".encode())


async def main(url: str) -> None:
    database = open_database(url)
    await database.open()
    await asyncio.gather(*(sign_up_without_end(database) for _ in range(5)))


if __name__ == "__main__":
    writer.ROWS_BETWEEN_CHECKPOINTS = 10  # so that a kill may meet one
    asyncio.run(main(sys.argv[1]))

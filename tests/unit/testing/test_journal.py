"""What is written is in the file before the writer goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from streams.testing.journal import Journal


@pytest.mark.parametrize("is_durable", [True, False])
async def test_records_are_in_the_file_when_write_returns(tmp_path: Path, *, is_durable: bool) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, is_durable=is_durable)

    await asyncio.gather(*(journal.write({"number": number}) for number in range(20)))
    written = path.read_text()
    await journal.aclose()

    assert sorted(written.splitlines()) == sorted(f'{{"number":{number}}}' for number in range(20))
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_second_journal_appends(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for number in range(2):
        journal = Journal(path)
        await journal.write({"number": number})
        await journal.aclose()

    assert path.read_text() == '{"number":0}\n{"number":1}\n'


async def test_everybody_who_waits_hears_that_nothing_can_be_written() -> None:
    journal = Journal(Path("/dev/full"))

    answers = await asyncio.gather(journal.write({}), journal.write({}), return_exceptions=True)

    assert [type(answer) for answer in answers] == [OSError, OSError]
    await journal.aclose()


async def test_without_a_path_nothing_is_kept() -> None:
    journal = Journal(None)

    await journal.write({"number": 1})
    await journal.aclose()

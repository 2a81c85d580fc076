"""This file runs the suites of letter changes on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.store.engine import Database
from streams.store.migrate import open_database
from tests.suites.letter_changes import LetterChangesSuite
from tests.suites.letter_fates import LetterFatesSuite


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'leads.db'}")
    yield opened
    opened.close()


class TestLetterChangesOnSqlite(LetterChangesSuite):
    pass


class TestLetterFatesOnSqlite(LetterFatesSuite):
    pass

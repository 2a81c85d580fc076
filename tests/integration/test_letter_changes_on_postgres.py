"""This file runs the suites of changes to dead letters on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.store.engine import Database
from streams.store.migrate import open_database
from tests.suites.letter_changes import LetterChangesSuite
from tests.suites.letter_fates import LetterFatesSuite


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    found = open_database(postgres_url)
    yield found
    found.close()


class TestLetterChangesOnPostgres(LetterChangesSuite):
    pass


class TestLetterFatesOnPostgres(LetterFatesSuite):
    pass

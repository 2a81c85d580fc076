"""Changes and decisions about letters."""

from __future__ import annotations

from tests.suites.letter_changes import LetterChangesSuite
from tests.suites.letter_fates import LetterFatesSuite


class TestLetterChanges(LetterChangesSuite):
    pass


class TestLetterFates(LetterFatesSuite):
    pass

"""A letter is read from its headers, and those that cannot be true are named."""

from __future__ import annotations

from dataclasses import replace

from streams.operations.verify.contract import LETTER, LETTERS, RECEIVED
from streams.operations.verify.letters import letter_row
from tests.unit.operations.verify.history import GROUP, PREFIX, History
from tests.unit.operations.verify.planting import with_header


def test_a_letter_of_ours_has_nothing_wrong(history: History) -> None:
    letter = letter_row(history.of(LETTERS), PREFIX, GROUP)

    assert (letter.topic, letter.place, letter.wrong) == (RECEIVED, f"{PREFIX}{RECEIVED}/0/1", ())
    assert letter.generation == 0


def test_headers_that_do_not_follow_from_the_letter_are_named(history: History) -> None:
    record = history.of(LETTERS)
    changed = replace(with_header(record, LETTER + "group", "other"), value=b"{}")
    doubled = replace(record, headers=[*record.headers, (LETTER + "code", b"OTHER")])

    assert set(letter_row(changed, PREFIX, GROUP).wrong) == {"group", "id", "value.sha256"}
    assert letter_row(doubled, PREFIX, GROUP).wrong == ("code",)


def test_what_a_stranger_wrote_has_no_form_and_is_empty(history: History) -> None:
    record = with_header(history.of(LETTERS), LETTER + "offset", "many")
    record = with_header(record, LETTER + "action", "\x1b[31m; rm")

    letter = letter_row(record, PREFIX, GROUP)

    assert (letter.offset, letter.action) == (-1, "")

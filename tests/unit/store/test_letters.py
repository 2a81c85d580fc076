"""Test the index of letters: copies change nothing, and only a newer generation replaces a letter."""

from __future__ import annotations

from dataclasses import replace

from streams.store import letters
from streams.store.engine import Database
from streams.store.letters import LetterRow, dump_headers, dump_letter, load_headers, load_letter
from tests.support.letters import row
from topics.envelope import Headers

HEADERS: Headers = [("a", b"1"), ("a", b"\xff"), ("b", None), ("c", b"")]


def with_edits(letter: LetterRow, number: int, value: bytes, generation: int = 0) -> LetterRow:
    return replace(
        letter, value=value, letter=replace(letter.letter, edit_number=number, generation=generation)
    )


def index(database: Database, *rows: LetterRow) -> LetterRow:
    """Index rows as one batch; return the only letter as indexed."""
    database.transact(lambda connection: letters.index(connection, rows, 0))
    (indexed,) = database.transact(lambda connection: letters.get(connection, [rows[0].letter.id]))
    return indexed


def test_a_letter_is_kept_to_the_byte() -> None:
    letter = row(1).letter

    assert load_headers(dump_headers(HEADERS)) == HEADERS
    assert load_letter(dump_letter(letter)) == letter


def test_a_copy_changes_nothing_and_a_newer_generation_takes_its_place(database: Database) -> None:
    first = replace(row(1), headers=HEADERS)
    newer = with_edits(row(1), 0, b"newer", generation=1)

    assert index(database, first).headers == HEADERS
    assert index(database, replace(first, value=b"another")).value == first.value
    assert index(database, newer).value == b"newer"
    assert index(database, first).value == b"newer", "an old copy comes late"


def test_an_edit_keeps_the_first_value_as_the_original_in_any_order(database: Database) -> None:
    first, edited = row(1), with_edits(row(1), 1, b"edited")
    other, late = row(2), with_edits(row(2), 1, b"edited")

    in_order = index(database, first, edited)
    index(database, late)
    backwards = index(database, late, other)

    assert (in_order.value, in_order.original_value) == (b"edited", first.value)
    assert backwards.value == b"edited"


def test_letters_are_found_by_status_and_lead_oldest_first_and_counted(database: Database) -> None:
    rows = [row(1, lead="a"), row(2, lead="b"), row(3, lead="a", status="resolved")]

    def unit(connection: object) -> None:
        letters.index(connection, rows, 0)  # type: ignore[arg-type]

    database.transact(unit)
    still_open = database.transact(lambda connection: letters.find(connection, lead_id="a"))
    both = database.transact(lambda connection: letters.find(connection, statuses=letters.EVERY, lead_id="a"))

    assert [each.letter.offset for each in still_open] == [1]
    assert [each.letter.offset for each in both] == [1, 3]
    assert database.transact(letters.counts) == {"parked": 2, "resolved": 1}

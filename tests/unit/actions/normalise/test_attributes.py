"""Fields that the contract does not name become flat attributes, and notes tell what was changed or dropped."""

from __future__ import annotations

from actions.normalise.attributes import MAX_ATTRIBUTES, NAME_LENGTH, TEXT_LENGTH, Attributes
from topics.events import Note


def test_values_are_kept_flat_and_a_later_one_of_the_same_name_wins() -> None:
    notes: list[Note] = []
    attributes = Attributes(notes)

    for name, value in [("a", " x "), ("b", 1), ("c", None), ("d", " "), ("a", True), ("e", 1.5)]:
        attributes.add(name, value, name)

    assert (attributes.kept, notes) == ({"a": True, "b": 1, "e": 1.5}, [])


def test_what_is_nested_or_too_long_is_kept_in_another_form_and_noted_with_its_place() -> None:
    notes: list[Note] = []
    attributes = Attributes(notes)
    long = "n" * (NAME_LENGTH + 1)

    attributes.add("nested", {"a": [1]}, "nested")
    attributes.add(long, 1, long)
    attributes.add("text", "x" * (TEXT_LENGTH + 1), "attributes.text")

    assert attributes.kept == {"nested": '{"a":[1]}', long[:NAME_LENGTH]: 1, "text": "x" * TEXT_LENGTH}
    assert [(note.field, note.code) for note in notes] == [
        ("nested", "NESTED_FIELD"),
        (f"{long[:NAME_LENGTH]}…", "NAME_TOO_LONG"),
        ("attributes.text", "TEXT_CUT"),
    ]


def test_surplus_attributes_are_dropped_and_their_number_is_noted() -> None:
    notes: list[Note] = []
    attributes = Attributes(notes)

    for number in range(MAX_ATTRIBUTES + 3):
        attributes.add(f"f{number}", number, f"f{number}")
    attributes.end()

    assert len(attributes.kept) == MAX_ATTRIBUTES
    assert [note.said for note in notes] == ["The lead has 203 attributes; 3 were dropped, 200 kept."]


def test_a_value_that_cannot_be_read_never_takes_the_place_of_an_attribute() -> None:
    attributes = Attributes([])
    attributes.add("phone", "office", "attributes.phone")

    attributes.keep_unread("phone", "12", "PHONE_INVALID", "No such number.")

    assert attributes.kept == {"phone": "office", "phone (unread)": "12"}

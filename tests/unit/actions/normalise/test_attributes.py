"""Fields that the contract does not name become flat attributes, or reasons."""

from __future__ import annotations

from actions.normalise.attributes import MAX_ATTRIBUTES, NAME_LENGTH, TEXT_LENGTH, read_attributes
from topics.events import Reason


def test_unknown_fields_and_attributes_are_one_flat_object_and_attributes_win() -> None:
    reasons: list[Reason] = []

    kept = read_attributes({"a": " x ", "b": 1, "c": None, "d": " "}, {"a": True, "e": 1.5}, reasons)

    assert (kept, reasons) == ({"a": True, "b": 1, "e": 1.5}, [])


def test_each_attribute_that_cannot_be_kept_is_a_reason_with_its_place() -> None:
    reasons: list[Reason] = []
    long = "n" * (NAME_LENGTH + 1)

    kept = read_attributes(
        {"nested": {"a": 1}, long: 1}, {"text": "x" * (TEXT_LENGTH + 1), "list": []}, reasons
    )

    assert kept == {}
    assert [(reason.field, reason.code) for reason in reasons] == [
        ("nested", "NESTED_FIELD"),
        (f"{long[:NAME_LENGTH]}…", "NAME_TOO_LONG"),
        ("attributes.text", "TOO_LONG"),
        ("attributes.list", "NESTED_FIELD"),
    ]


def test_too_many_attributes_are_one_reason() -> None:
    reasons: list[Reason] = []

    read_attributes({f"f{number}": number for number in range(MAX_ATTRIBUTES + 1)}, None, reasons)

    assert [reason.code for reason in reasons] == ["TOO_MANY_ATTRIBUTES"]

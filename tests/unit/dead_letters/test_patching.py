"""A patch changes only what it names, and its errors name what does not fit."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from streams.dead_letters.patching import Patch, PatchError, settings_as_operations
from topics.limits import MAX_VALUE

SET = settings_as_operations(["b=1"])
EVENT = b'{"specversion":"1.0","id":"1","source":"/a","data":{}}'


def test_a_set_value_is_json_or_else_text_and_other_fields_stay() -> None:
    patch = Patch("edit", settings_as_operations(["country=DE", "consent.marketing=true"], ["city"]))

    changed = patch.apply(b'{"email":"a@b.example","city":"X","consent":{"marketing":false}}', None)

    assert changed == b'{"email":"a@b.example","consent":{"marketing":true},"country":"DE"}'


def test_text_in_another_encoding_becomes_utf8() -> None:
    assert Patch("edit", encoding="windows-1252").apply("Zoë".encode("windows-1252"), None) == "Zoë".encode()


@pytest.mark.parametrize(
    "broken", [b'{"size": NaN}', b'{"name": "a\x00b"}', b'{"n": 99999999999999999999999}']
)
def test_values_that_the_lead_reader_refuses_can_be_mended(broken: bytes) -> None:
    (name,) = ("size", "name", "n")[(b"name" in broken) + 2 * (b'"n"' in broken) :][:1]

    assert (
        Patch("edit", settings_as_operations([f"{name}=x"])).apply(broken, None)
        == f'{{"{name}":"x"}}'.encode()
    )


def test_a_structured_events_id_cannot_be_changed() -> None:
    event = b'{"specversion":"1.0","id":"1","source":"/a","data":{"country":"?"}}'

    changed = Patch("edit", settings_as_operations(["data.country=DE"])).apply(event, None)
    with pytest.raises(PatchError, match="the event's id"):
        Patch("edit", settings_as_operations(["id=2"])).apply(event, None)

    assert changed is not None
    assert b'"DE"' in changed


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ([], "changes nothing"),
        ([{"op": "replcae", "path": "/a"}], "operation 1 is not a JSON Patch operation"),
        ([{"op": "remove", "path": "/a"}, {"op": "remove"}], "operation 2"),
        (["remove /a"], "operation 1 .* must be an object"),
        ([{"op": "add", "path": "/a"}], "operation 1 .*add needs 'value'"),
        ([{"op": "move", "path": "/a"}], "operation 1 .*move needs 'from'"),
        ([{"op": "add", "path": "/a", "value": date(2026, 11, 23)}], "operation 1 .* date is not JSON"),
        ([{"op": "add", "path": "/a", "value": "\ud800"}], "operation 1 .* lone surrogate"),
    ],
)
def test_a_slip_in_a_patch_names_its_operation(operations: list[Any], message: str) -> None:
    with pytest.raises(PatchError, match=message):
        Patch("edit", operations)


@pytest.mark.parametrize("name", ["klingon", "hex", "undefined", "", "a\0b", "\udcff"])
def test_an_unknown_encoding_is_refused_before_any_record_is_read(name: str) -> None:
    with pytest.raises(PatchError, match="there is no encoding" if name else "changes nothing"):
        Patch("edit", encoding=name)


@pytest.mark.parametrize(
    ("patch", "value", "message"),
    [
        (Patch("edit", SET), b'{"a":' * 600 + b"1" + b"}" * 600, "does not fit the record .RecursionError"),
        (Patch("edit", SET), b'{"a":' * 200_000, "the record is not valid JSON"),
        (Patch("edit", SET), b"[1]", "does not fit the record"),
        (Patch("edit", encoding="idna"), b"xn--zzzzzzzzzzzz", "the record is not idna"),
        (Patch("edit", encoding="unicode_escape"), b"\\ud800", "half a character at 0"),
        (Patch("edit", value=b"x" * (MAX_VALUE + 1)), b"{}", "262145 bytes large; it may have 262144"),
        (Patch("edit", settings_as_operations(["x=" + "y" * MAX_VALUE])), b"{}", "it may have 262144"),
        (Patch("edit", value=b'{"specversion":"1.0","id":"2"}'), EVENT, "the event's id"),
        (Patch("edit", value=b"{}"), EVENT, "the event's id"),
        (Patch("edit", [{"op": "replace", "path": "", "value": []}]), EVENT, "the event's id"),
    ],
)
def test_a_patch_that_does_not_fit_always_raises_a_patch_error(
    patch: Patch, value: bytes, message: str
) -> None:
    with pytest.raises(PatchError, match=message):
        patch.apply(value, value)


def test_a_value_that_is_too_large_already_may_become_smaller_in_steps() -> None:
    large = b'{"a": "' + b"x" * MAX_VALUE + b'", "b": 1}'

    assert len(Patch("edit", settings_as_operations([], ["b"])).apply(large, large) or b"") > MAX_VALUE


def test_a_number_beyond_64_bits_can_be_set_and_has_a_hash() -> None:
    patch = Patch("edit", settings_as_operations([f"n={10**20}"]))

    assert (patch.apply(b"{}", b"{}"), len(patch.sha256)) == (b'{"n":100000000000000000000}', 64)

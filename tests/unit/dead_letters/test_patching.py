"""This file checks patches: what they change, and what they say of what they cannot."""

from __future__ import annotations

import pytest

from streams.dead_letters.patching import Patch, PatchError, settings_as_operations


def test_a_value_is_json_if_it_is_and_else_text_and_other_fields_stay() -> None:
    patch = Patch("edit", settings_as_operations(["country=DE", "consent.marketing=true"], ["city"]))

    changed = patch.apply(b'{"email":"a@b.example","city":"X","consent":{"marketing":false}}', None)

    assert changed == b'{"email":"a@b.example","consent":{"marketing":true},"country":"DE"}'


def test_text_in_another_encoding_becomes_utf8() -> None:
    assert Patch("edit", encoding="windows-1252").apply("Zoë".encode("windows-1252"), None) == "Zoë".encode()


@pytest.mark.parametrize(
    "broken", [b'{"size": NaN}', b'{"name": "a\x00b"}', b'{"n": 99999999999999999999999}']
)
def test_what_the_lead_reader_refuses_can_be_mended(broken: bytes) -> None:
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
    ("operations", "said"),
    [
        ([], "changes nothing"),
        ([{"op": "replcae", "path": "/a"}], "operation 1 is no JSON Patch operation"),
        ([{"op": "remove", "path": "/a"}, {"op": "remove"}], "operation 2"),
    ],
)
def test_a_slip_in_a_patch_names_its_operation(operations: list[dict[str, str]], said: str) -> None:
    with pytest.raises(PatchError, match=said):
        Patch("edit", operations)

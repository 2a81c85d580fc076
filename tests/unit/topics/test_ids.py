"""Derived ids are the same for ever, and the fast way agrees with the plain one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from topics import ids


def test_derived_ids_are_uuid5_of_compact_json_for_ever() -> None:
    assert str(ids.derive("/web", "e-1", "validate-lead", 1)) == ids.result_id(
        "/web", "e-1", "validate-lead", 1
    )
    assert ids.run_id("/web", "e-1") == "7b126571-1553-5883-93a7-40a9ef1cfd02"


@given(st.lists(st.text() | st.integers(-(2**53), 2**53), max_size=4))
def test_the_text_of_an_id_is_that_of_its_uuid(parts: list[object]) -> None:
    assert ids.derive_text(*parts) == str(ids.derive(*parts))


def test_ids_of_different_things_never_meet() -> None:
    found = {
        ids.result_id("/web", "e-1", "validate-lead", 1),
        ids.result_id("/web", "e-1", "validate-lead", 2),
        ids.run_id("/web", "e-1"),
        ids.plain_id("/web", 1, 1),
        ids.plain_id("/web", 11, 1),
        ids.letter_id("/web", 1, 1, "leads", "validate-lead"),
        ids.contact_id("/web"),
    }

    assert len(found) == 7

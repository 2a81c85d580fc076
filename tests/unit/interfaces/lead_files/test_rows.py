"""Fields of an object become a lead and attributes of its event."""

from __future__ import annotations

from streams.interfaces.lead_files.rows import BadLine, Row, split_fields


def test_ce_fields_are_attributes_of_the_event_and_must_be_text() -> None:
    assert split_fields(7, {"email": "a@b.c", "ce_id": 4, "ce_time": ""}) == Row(
        7, {"email": "a@b.c"}, {"id": "4"}
    )
    assert split_fields(7, {"ce_id": True}) == BadLine(7, "BAD_ATTRIBUTE", "ce_id: must be text", "ce_id")

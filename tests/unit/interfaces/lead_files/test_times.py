"""The time of a row is read from a column, or not at all."""

from __future__ import annotations

import pytest

from streams.interfaces.lead_files.times import own_time


@pytest.mark.parametrize(
    ("text", "moment", "codes"),
    [
        ("2024-03-01T10:00:00+0100", "2024-03-01T09:00:00.000000Z", []),
        ("2024-03-01 10:00", "2024-03-01T10:00:00.000000Z", ["ZONE_ASSUMED"]),
        ("01/03/2024", None, ["TIME_INVALID"]),
    ],
)
def test_a_time_that_cannot_be_read_as_one_moment_is_none_and_told(
    text: str, moment: str | None, codes: list[str]
) -> None:
    read, notes = own_time(text, "Create Date")

    assert (read, [note.code for note in notes]) == (moment, codes)
    assert all(note.field == "Create Date" and text not in note.said for note in notes)

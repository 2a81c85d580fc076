"""Reads the time of a row from a column that a product calls its creation date."""

from __future__ import annotations

from actions.normalise.moment import normalise_moment
from actions.normalise.refused import Refused, Remarks
from topics.events import Note


def own_time(text: str, field: str) -> tuple[str | None, tuple[Note, ...]]:
    """Return the moment (RFC 3339 UTC) and notes about it; None when the text cannot be read as one moment."""
    remarks: Remarks = []
    try:
        moment = normalise_moment(text, remarks)
    except Refused as refused:
        said = f"{refused.message} The lead counts as of the file's publishing."
        return None, (Note(field=field, code=refused.code, said=said),)
    return moment, tuple(Note(field=field, code=remark.code, said=remark.said) for remark in remarks)

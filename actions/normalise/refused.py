"""The error of a value that cannot be read, and the remarks about one that was changed."""

from __future__ import annotations

from typing import NamedTuple


class Refused(ValueError):
    """A value cannot be normalised: a stable UPPER_SNAKE `code`, and a sentence that never has the value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Remark(NamedTuple):
    """What was done to a value: a stable UPPER_SNAKE `code`, and a sentence that never has the value."""

    code: str
    said: str


Remarks = list[Remark]
"""Where a normaliser adds what it did to the value, beyond trimming it."""


def too_long(length: int, allowed: int) -> Refused:
    """Refuse a text of `length` characters where `allowed` are the most."""
    message = f"The text has {length} characters; at most {allowed} are allowed, so shorten it."
    return Refused("TOO_LONG", message)

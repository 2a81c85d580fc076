"""The error of a record that cannot be read."""

from __future__ import annotations

from typing import Literal


class DecodeError(ValueError):
    """The record is not an event of its topic. `code` is stable; the message never carries a value.

    `failure_class` is `poison` when the bytes cannot be read at all, `invalid` when they can but break the schema.
    """

    def __init__(
        self, code: str, message: str, *, failure_class: Literal["poison", "invalid"] = "poison"
    ) -> None:
        """Take an UPPER_SNAKE `code` and a sentence that names the place and the next step."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.failure_class = failure_class

    @property
    def stage(self) -> Literal["decode", "validate"]:
        """Where it stopped: at the bytes, or at the schema."""
        return "decode" if self.failure_class == "poison" else "validate"

"""Keeps unknown fields, and values that cannot be read as what they claim to be, as one flat object of limited size."""

from __future__ import annotations

import json
from typing import Any

from actions.normalise.refused import Refused
from actions.normalise.text import block
from topics.events import Note, Scalar

MAX_ATTRIBUTES = 200
NAME_LENGTH = 100
TEXT_LENGTH = 2_000


class Attributes:
    """The attributes of one lead; notes say what was changed or dropped."""

    __slots__ = ("_notes", "_surplus", "kept")

    def __init__(self, notes: list[Note]) -> None:
        self.kept: dict[str, Scalar] = {}
        self._notes = notes
        self._surplus = 0

    def add(self, name: str, value: object, field: str) -> None:
        """Keep a value under `name`; a later one wins. Blank text and null are absent. `field` names it in notes."""
        if isinstance(value, str):
            scalar: Scalar = self._text(value, field)
        elif value is None or isinstance(value, (bool, int, float)):
            scalar = value
        else:
            scalar = self._flat(value, field)
        if scalar is None:
            return
        if len(name) > NAME_LENGTH:
            name = name[:NAME_LENGTH]
            self._note(
                f"{field[:NAME_LENGTH]}…", "NAME_TOO_LONG", f"The name was cut to {NAME_LENGTH} characters."
            )
        if len(self.kept) >= MAX_ATTRIBUTES and name not in self.kept:
            self._surplus += 1
        else:
            self.kept[name] = scalar

    def keep_unread(self, field: str, value: object, code: str, said: str) -> None:
        """Keep the value of a field that cannot be read as what it claims to be, and note why."""
        self._note(field, code, f"{said} The value is kept under attributes.")
        self.add(field if field not in self.kept else f"{field} (unread)", value, field)

    def end(self) -> None:
        """Note how many attributes were surplus."""
        if self._surplus:
            given = len(self.kept) + self._surplus
            said = f"The lead has {given} attributes; {self._surplus} were dropped, {MAX_ATTRIBUTES} kept."
            self._note("attributes", "TOO_MANY_ATTRIBUTES", said)

    def _text(self, value: str, field: str) -> str | None:
        try:
            return block(value, allowed=TEXT_LENGTH)
        except Refused:
            self._note(field, "TEXT_CUT", f"The text was cut to {TEXT_LENGTH:,} characters.")
            return block(value, allowed=len(value) * 4)[:TEXT_LENGTH]  # type: ignore[index]  # it is longer than that

    def _flat(self, value: Any, field: str) -> str | None:  # noqa: ANN401 - any JSON
        self._note(field, "NESTED_FIELD", "The list or object is kept as compact JSON text.")
        return self._text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), field)

    def _note(self, field: str, code: str, said: str) -> None:
        self._notes.append(Note(field=field, code=code, said=said))

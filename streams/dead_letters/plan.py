"""This file keeps plans: letters frozen as they are, each with what its replay would do, as a file with a checksum."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, get_args

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from streams.dead_letters.plan_item import PlanItem, Stale
from streams.dead_letters.prediction import Prediction
from streams.dead_letters.totals import Totals
from streams.store.letters import LetterRow

FORMAT = 1


class PlanError(ValueError):
    """A file is no plan, or not as it was written; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as read from its file."""

    made: str
    app_version: str
    selector: str
    stale: Stale | None
    items: Sequence[PlanItem]
    sha256: str


class PlanWriter:
    """Writes a plan line by line: a head, a line per letter, and a foot with totals and the checksum of all before."""

    def __init__(
        self, file: BinaryIO, *, made: str, app_version: str, selector: str, stale: str | None
    ) -> None:
        """Write the head."""
        self._file = file
        self._hash = hashlib.sha256()
        self._build = app_version
        self._others_take_turns = False
        """Whether earlier letters lead to turns that workers take when they come to it: the order is not known then."""
        self.totals = Totals()
        head = {
            "leads_plan": FORMAT,
            "made": made,
            "app_version": app_version,
            "selector": selector,
            "stale": stale,
        }
        self._line(head)

    def add(self, row: LetterRow, found: Prediction) -> None:
        """Write a letter."""
        item = PlanItem.of(row, found, self._build)
        if self._others_take_turns:
            item = item.model_copy(update={"owner": None})
        self._others_take_turns |= any(each.is_new_owner for each in found.following)
        self.totals.add(found, item.refusal)
        self._line(item.model_dump())

    def end(self) -> str:
        """Write the foot; gives the checksum."""
        checksum = self._hash.hexdigest()
        self._file.write(orjson.dumps({"totals": self.totals.as_data(), "sha256": checksum}) + b"\n")
        return checksum

    def _line(self, document: object) -> None:
        line = orjson.dumps(document) + b"\n"
        self._hash.update(line)
        self._file.write(line)


def read_plan(path: Path) -> Plan:
    """Read a plan. Raises `PlanError` when it is none, was cut off, or was changed by hand."""
    try:
        return parse_plan(str(path), path.read_bytes())
    except OSError as error:
        raise PlanError(f"{path} cannot be read: {error.strerror}") from None


def parse_plan(path: str, content: bytes) -> Plan:
    """Read a plan that came from `path`. Raises `PlanError` as `read_plan` does."""
    lines = content.splitlines(keepends=True)
    documents = list(_documents(path, lines))
    if not documents or documents[0].get("leads_plan") != FORMAT:
        raise PlanError(f"{path} is no plan of this build; make one with `leads dead-letters plan`")
    if "totals" not in documents[-1] or len(documents) == 1:
        raise PlanError(f"{path} is cut off: its last line is missing; make the plan anew")
    checksum = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    if documents[-1].get("sha256") != checksum:
        raise PlanError(
            f"{path} is not as it was written; plans are not edited: select otherwise and make a new one"
        )
    head, items = _read(path, documents[:-1])
    for letter, times in Counter(item.id for item in items).items():
        if times > 1:
            raise PlanError(f"{path}: letter {letter} stands there {times} times; make the plan anew")
    return Plan(head.made, head.app_version, head.selector, head.stale, items, checksum)


class _Head(BaseModel):
    """The first line."""

    model_config = ConfigDict(strict=True)

    made: str
    app_version: str
    selector: str
    stale: Stale | None

    @field_validator("stale", mode="before")
    @classmethod
    def _is_a_decision(cls, text: object) -> object:
        if text not in (None, *get_args(Stale)):
            raise ValueError(f"says stale {text!r}, which is neither run nor skip")
        return text


def _read(path: str, documents: Sequence[dict[str, Any]]) -> tuple[_Head, list[PlanItem]]:
    number = 1
    try:
        head = _Head.model_validate(documents[0])
        items = []
        for number, each in enumerate(documents[1:], 2):  # noqa: B007 - of the line that is none
            items.append(PlanItem.model_validate(each))
    except ValidationError as error:
        raise PlanError(f"{path}: line {number} {_slip(error)}; make the plan anew") from None
    return head, items


def _slip(error: ValidationError) -> str:
    first = error.errors(include_input=False)[0]
    name = ".".join(map(str, first["loc"]))
    said = {
        "missing": f"lacks {name!r}",
        "extra_forbidden": f"has a {name!r}, which plans do not have",
        "value_error": first["msg"].removeprefix("Value error, "),
    }
    return said.get(first["type"], f"has a {name!r} of another kind")


def _documents(path: str, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise PlanError(
                f"{path}: line {number} is no JSON at character {error.pos}; make the plan anew"
            ) from None
        if not isinstance(found, dict):
            raise PlanError(f"{path}: line {number} is no JSON object; make the plan anew")
        yield found

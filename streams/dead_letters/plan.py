"""This file keeps plans: letters frozen as they are, each with what its replay would do, as a file with a checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson

from streams.dead_letters.plan_lines import first_slip
from streams.dead_letters.prediction import FAILING, Prediction
from streams.dead_letters.totals import Totals
from streams.store.letters import LetterRow, microseconds
from topics.letter import sha256_of

FORMAT = 1
MOST_GENERATIONS = 10
"""A letter that has failed so often is asked for only when somebody insists."""
FOR_GOOD = ("rejected", "defect")
"""Classes that do not pass by themselves, of what can happen to a call outside."""
Stale = Literal["run", "skip"]
"""What is done about events that are too old for their actions."""


class PlanError(ValueError):
    """A file is no plan, or not as it was written; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One letter as it was planned."""

    id: str
    generation: int
    edits: int
    value_sha256: str | None
    """Of the record that would be sent: as edited, if it was."""
    essence: dict[str, Any]
    """What its replay would come to; see `Prediction.essence`."""
    result_id: str | None
    code: str
    """Why it failed."""
    owner: str | None = None
    """The owner whose turn it would be; somebody else, if others take turns meanwhile."""
    late: str | None = None
    """See `Prediction.late`."""
    is_unchanged: bool = False
    """Whether it would be done to the letter again what it failed of; see `_nothing_has_changed`."""

    @classmethod
    def of(cls, row: LetterRow, prediction: Prediction, build: str) -> PlanItem:
        """Freeze a letter; `build` is the version that would run."""
        letter = row.letter
        return cls(
            letter.id,
            letter.generation,
            letter.edit_number or 0,
            sha256_of(row.value),
            prediction.essence,
            prediction.result_id,
            letter.code,
            prediction.owner if prediction.is_new_owner else None,
            prediction.late,
            _nothing_has_changed(row, prediction, build),
        )

    def as_data(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "id": self.id,
            "generation": self.generation,
            "edits": self.edits,
            "sha256": self.value_sha256,
            "code": self.code,
            "result_id": self.result_id,
            "would": self.essence,
            "owner": self.owner,
            "late": self.late,
            "unchanged": self.is_unchanged,
        }

    @classmethod
    def from_data(cls, found: dict[str, Any]) -> PlanItem:
        """Read `as_data` back."""
        return cls(
            found["id"],
            found["generation"],
            found["edits"],
            found["sha256"],
            found["would"],
            found["result_id"],
            found["code"],
            found["owner"],
            found["late"],
            found["unchanged"],
        )

    @property
    def refusal(self) -> str | None:
        """Say why a job asks for it only when somebody insists; None: it asks."""
        if self.essence["verdict"] in FAILING:
            return f"it would fail again: {self.essence.get('code')}"
        if self.late is not None:
            return f"{self.late} would follow late; a plan with `--stale run` lets it"
        if self.is_unchanged:
            return f"neither its record nor the build has changed since it failed: {self.code}"
        if self.generation >= MOST_GENERATIONS:
            return f"it has failed {self.generation + 1} times"
        return None

    def changed(self, row: LetterRow) -> str | None:
        """Say in what a letter is not as it was planned; None: it is."""
        letter = row.letter
        if letter.generation != self.generation:
            return f"it has failed again since: {letter.code}"
        if (letter.edit_number or 0) != self.edits or sha256_of(row.value) != self.value_sha256:
            return "its record was edited since"
        return None


def _nothing_has_changed(row: LetterRow, prediction: Prediction, build: str) -> bool:
    # Of what happens inside, the preview is the judge: it runs today's code on today's store. What lies outside it does
    # not ask; and what refused this record for good there will refuse it again.
    asks_outside = prediction.verdict == "cannot-say" or any(
        each.state != "held" for each in prediction.calls
    )
    is_edited_since = row.edited_at is not None and row.edited_at > microseconds(row.letter.time)
    return (
        asks_outside
        and row.letter.failure_class in FOR_GOOD
        and row.letter.app_version == build
        and not is_edited_since
    )


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
            item = replace(item, owner=None)
        self._others_take_turns |= any(each.is_new_owner for each in found.following)
        self.totals.add(found, item.refusal)
        self._line(item.as_data())

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
    head, *found = documents[:-1]
    slip = first_slip(head, found)
    if slip is not None:
        raise PlanError(f"{path}: {slip}; make the plan anew")
    items = [PlanItem.from_data(each) for each in found]
    return Plan(head["made"], head["app_version"], head["selector"], head["stale"], items, checksum)


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

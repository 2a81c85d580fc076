"""Plans: a file with a checksum that freezes letters, each with what its replay would do.

Each line of the file is a `PlanItem`, which a job keeps, too. The last line holds the `Totals`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from streams.dead_letters.prediction import FAILING, VERDICTS, Prediction
from streams.store.letters import LetterRow, microseconds
from topics.letter import sha256_of

FORMAT = 1
MAX_GENERATIONS = 10
"""A letter that has failed so often is replayed only by force."""
PERMANENT_CLASSES = ("rejected", "defect")
"""Failure classes of outside calls that do not pass without a change."""
Stale = Literal["run", "skip"]
"""Decision about events that are too old for their actions."""
_ID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


class PlanItem(BaseModel):
    """One letter as planned: a line of the file, which a job keeps, too."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    id: str
    generation: int
    edits: int
    sha256: str | None
    """Digest of the record that would be sent, edits included."""
    code: str
    """Why it failed."""
    result_id: str | None
    would: dict[str, Any]
    """Prediction of its replay; see `Prediction.essence`."""
    contact: str | None
    """Key of its contact, when that is known."""
    follows: list[str]
    """Ids of the events of downstream steps, by which the ledger knows those steps."""
    owner: str | None
    """The owner whose turn it would be; another one if other leads take turns before the replay."""
    late: str | None
    """See `Prediction.late`."""
    is_unchanged: bool
    """Whether a replay would repeat what failed; see `_nothing_has_changed`."""

    @classmethod
    def of(cls, row: LetterRow, prediction: Prediction, build: str) -> PlanItem:
        """Freeze a letter; `build` is the version that would run."""
        letter = row.letter
        return cls(
            id=letter.id,
            generation=letter.generation,
            edits=letter.edit_number or 0,
            sha256=sha256_of(row.value),
            code=letter.code,
            result_id=prediction.result_id,
            would=prediction.essence,
            contact=prediction.contact_key,
            follows=[each.result_id for each in prediction.following if each.result_id is not None],
            owner=prediction.owner if prediction.is_new_owner else None,
            late=prediction.late,
            is_unchanged=_nothing_has_changed(row, prediction, build),
        )

    @field_validator("id", "result_id")
    @classmethod
    def _is_an_id(cls, text: str | None) -> str | None:
        if text is not None and _ID.fullmatch(text) is None:
            raise ValueError("has an invalid id")
        return text

    @field_validator("would")
    @classmethod
    def _has_predictions(cls, would: dict[str, Any]) -> dict[str, Any]:
        if would.get("verdict") not in VERDICTS:
            raise ValueError("has a prediction that this build does not know")
        return would

    @property
    def refusal(self) -> str | None:
        """Why a job replays it only by force; None: it replays it."""
        if self.would["verdict"] in FAILING:
            return f"it would fail again: {self.would.get('code')}"
        if self.late is not None:
            return f"{self.late} would follow late; a plan with `--stale run` lets it"
        if self.is_unchanged:
            return f"neither its record nor the build has changed since it failed: {self.code}"
        if self.generation >= MAX_GENERATIONS:
            return f"it has failed {self.generation + 1} times"
        return None

    def changed(self, row: LetterRow) -> str | None:
        """Return how a letter differs from its plan; None: it does not."""
        letter = row.letter
        if letter.generation != self.generation:
            return f"it has failed again since: {letter.code}"
        if (letter.edit_number or 0) != self.edits or sha256_of(row.value) != self.sha256:
            return "its record was edited since"
        return None


def _nothing_has_changed(row: LetterRow, prediction: Prediction, build: str) -> bool:
    # A preview decides about everything inside: it runs today's code on today's store. It does not ask the outside,
    # which will refuse again a record that it refused for good.
    asks_outside = prediction.verdict == "cannot-say" or any(
        each.state != "held" for each in prediction.calls
    )
    is_edited_since = row.edited_at is not None and row.edited_at > microseconds(row.letter.time)
    return (
        asks_outside
        and row.letter.failure_class in PERMANENT_CLASSES
        and row.letter.app_version == build
        and not is_edited_since
    )


@dataclass(slots=True)
class Totals:
    """Totals of a plan."""

    verdicts: Counter[str] = field(default_factory=Counter)
    failing: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By action and code."""
    fields: Counter[str] = field(default_factory=Counter)
    """Contact fields that would change."""
    owners: Counter[str] = field(default_factory=Counter)
    """New owners, by id."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Letters that `apply` would skip, by the reason."""
    following: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By downstream action, and its predicted outcome or code."""
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By port (`Mailer`), and `goes-out`, `goes-out-again` or `held`."""

    def add(self, prediction: Prediction, refusal: str | None) -> None:
        """Count one letter; `refusal` is why a job would skip it."""
        if refusal is not None:
            self.skipped[refusal] += 1
        self.verdicts[prediction.verdict] += 1
        if prediction.code is not None:
            self.failing[prediction.action, prediction.code] += 1
        for each in (prediction, *prediction.following):
            self.fields.update(change.field for change in each.changes)
            if each.is_new_owner and each.owner is not None:
                self.owners[each.owner] += 1
        self.calls.update(
            (call.port or call.key.partition(":")[0], call.state) for call in prediction.all_calls
        )
        self.following.update((each.action, each.outcome or each.code or "") for each in prediction.following)

    def as_data(self) -> dict[str, Any]:
        """Return the totals as plain data."""
        return {
            "letters": self.verdicts.total(),
            "verdicts": dict(self.verdicts.most_common()),
            "failing": [
                {"action": action, "code": code, "letters": many}
                for (action, code), many in self.failing.most_common()
            ],
            "following": [
                {"action": action, "outcome": outcome or None, "letters": many}
                for (action, outcome), many in self.following.most_common()
            ],
            "fields": dict(self.fields.most_common()),
            "skipped": dict(self.skipped.most_common()),
            "owners": dict(self.owners.most_common()),
            "calls": [
                {"what": what, "state": state, "letters": many}
                for (what, state), many in self.calls.most_common()
            ],
        }


# ---------------------------------------------------------------------------------------------------- the file


class PlanError(ValueError):
    """A file is not a plan or was changed; the message is a sentence."""


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
    """Writes a plan: a head, a line per letter, and a foot with the totals and the checksum of all lines before it."""

    def __init__(
        self, file: BinaryIO, *, made: str, app_version: str, selector: str, stale: str | None
    ) -> None:
        """Write the head."""
        self._file = file
        self._hash = hashlib.sha256()
        self._build = app_version
        self._others_take_turns = False
        """Whether downstream steps of earlier letters take owners' turns: workers take them in no known order."""
        self.totals = Totals()
        head = {
            "leads_plan": FORMAT,
            "made": made,
            "app_version": app_version,
            "selector": selector,
            "stale": stale,
        }
        self._line(head)

    def add(self, row: LetterRow, prediction: Prediction) -> None:
        """Write a letter."""
        item = PlanItem.of(row, prediction, self._build)
        if self._others_take_turns:
            item = item.model_copy(update={"owner": None})
        self._others_take_turns |= any(each.is_new_owner for each in prediction.following)
        self.totals.add(prediction, item.refusal)
        self._line(item.model_dump())

    def end(self) -> str:
        """Write the foot; return the checksum."""
        checksum = self._hash.hexdigest()
        self._file.write(orjson.dumps({"totals": self.totals.as_data(), "sha256": checksum}) + b"\n")
        return checksum

    def _line(self, document: object) -> None:
        line = orjson.dumps(document) + b"\n"
        self._hash.update(line)
        self._file.write(line)


def read_plan(path: Path) -> Plan:
    """Return the plan in a file. Raise `PlanError` when it is not a plan, is truncated, or was changed by hand."""
    try:
        return parse_plan(str(path), path.read_bytes())
    except OSError as error:
        raise PlanError(f"{path} cannot be read: {error.strerror}") from None


def parse_plan(path: str, content: bytes) -> Plan:
    """Return the plan in `content`, which came from `path`. Raise `PlanError` as `read_plan` does."""
    lines = content.splitlines(keepends=True)
    documents = list(_documents(path, lines))
    if not documents or documents[0].get("leads_plan") != FORMAT:
        raise PlanError(f"{path} is not a plan of this build; make one with `leads dead-letters plan`")
    if "totals" not in documents[-1] or len(documents) == 1:
        raise PlanError(f"{path} is truncated: its last line is missing; make a new plan")
    checksum = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    if documents[-1].get("sha256") != checksum:
        raise PlanError(
            f"{path} was changed after it was written; select the letters you want and make a new plan"
        )
    head, items = _read(path, documents[:-1])
    for letter, times in Counter(item.id for item in items).items():
        if times > 1:
            raise PlanError(f"{path}: letter {letter} occurs {times} times; make a new plan")
    return Plan(head.made, head.app_version, head.selector, head.stale, items, checksum)


class _Head(BaseModel):
    """The first line of a plan."""

    model_config = ConfigDict(strict=True)

    made: str
    app_version: str
    selector: str
    stale: Stale | None

    @field_validator("stale", mode="before")
    @classmethod
    def _is_a_decision(cls, text: object) -> object:
        if text not in (None, *get_args(Stale)):
            raise ValueError(f"has stale {text!r}, which is neither run nor skip")
        return text


def _read(path: str, documents: Sequence[dict[str, Any]]) -> tuple[_Head, list[PlanItem]]:
    number = 1
    try:
        head = _Head.model_validate(documents[0])
        items = []
        for number, each in enumerate(documents[1:], 2):  # noqa: B007 - the error names the line
            items.append(PlanItem.model_validate(each))
    except ValidationError as error:
        raise PlanError(f"{path}: line {number} {_broken_field(error)}; make a new plan") from None
    return head, items


def _broken_field(error: ValidationError) -> str:
    first = error.errors(include_input=False)[0]
    name = ".".join(map(str, first["loc"]))
    slips = {
        "missing": f"lacks {name!r}",
        "extra_forbidden": f"has a {name!r}, which plans do not have",
        "value_error": first["msg"].removeprefix("Value error, "),
    }
    return slips.get(first["type"], f"has a {name!r} of another kind")


def _documents(path: str, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise PlanError(
                f"{path}: line {number} is not valid JSON at character {error.pos}; make a new plan"
            ) from None
        if not isinstance(document, dict):
            raise PlanError(f"{path}: line {number} is not a JSON object; make a new plan")
        yield document

"""This file freezes one letter for a plan: as it is, what its replay would come to, and whether a job asks for it."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from streams.dead_letters.prediction import FAILING, VERDICTS, Prediction
from streams.store.letters import LetterRow, microseconds
from topics.letter import sha256_of

MOST_GENERATIONS = 10
"""A letter that has failed so often is asked for only when somebody insists."""
FOR_GOOD = ("rejected", "defect")
"""Classes that do not pass by themselves, of what can happen to a call outside."""
Stale = Literal["run", "skip"]
"""What is done about events that are too old for their actions."""
_ID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


class PlanItem(BaseModel):
    """One letter as it was planned: a line of the plan's file, and what a job keeps of it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    id: str
    generation: int
    edits: int
    sha256: str | None
    """Of the record that would be sent: as edited, if it was."""
    code: str
    """Why it failed."""
    result_id: str | None
    would: dict[str, Any]
    """What its replay would come to; see `Prediction.essence`."""
    contact: str | None
    """Key of the contact that it is about, when that is known."""
    follows: list[str]
    """Ids of the events that the workers would state next; the ledger knows them by these."""
    owner: str | None
    """The owner whose turn it would be; somebody else, if others take turns meanwhile."""
    late: str | None
    """See `Prediction.late`."""
    is_unchanged: bool
    """Whether it would be done to the letter again what it failed of; see `_nothing_has_changed`."""

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
            raise ValueError("has an id that is none")
        return text

    @field_validator("would")
    @classmethod
    def _says_what_would_come(cls, would: dict[str, Any]) -> dict[str, Any]:
        if would.get("verdict") not in VERDICTS:
            raise ValueError("says what would come of its letter in words that this build does not know")
        return would

    @property
    def refusal(self) -> str | None:
        """Say why a job asks for it only when somebody insists; None: it asks."""
        if self.would["verdict"] in FAILING:
            return f"it would fail again: {self.would.get('code')}"
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
        if (letter.edit_number or 0) != self.edits or sha256_of(row.value) != self.sha256:
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

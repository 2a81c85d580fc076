"""This file says why a job leaves a letter out that it was to ask for: it is not any more as its plan says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streams.dead_letters.plan_item import PlanItem
from streams.store.jobs import ItemRow
from streams.store.letter_changes import RESTING
from streams.store.letters import LetterRow


def why_left_out(
    job: str, item: ItemRow, row: LetterRow | None, would: Mapping[str, Any] | None
) -> str | None:
    """Say why; None: it is asked for. `would` is the essence of its prediction as of now."""
    if row is None or would is None:
        return "it is not there any more"
    if row.job != job:
        return "this job has it in hand no more"
    if row.status not in RESTING:
        return f"it is {row.status} now"
    planned = PlanItem.model_validate(item.planned)
    changed = planned.changed(row)
    if changed is None and would != planned.would:
        changed = f"its replay would come to something else now: {difference(planned.would, would)}"
    return changed


def difference(planned: Mapping[str, Any], would: Mapping[str, Any]) -> str:
    """Say in what two predictions differ, what follows included."""
    before, now = dict(_told(planned)), dict(_told(would))
    names = [name for name in before | now if before.get(name) != now.get(name)]
    return ", ".join(f"{name} {before.get(name, '-')} -> {now.get(name, '-')}" for name in names)


def _told(essence: Mapping[str, Any], of: str = "") -> Iterator[tuple[str, str]]:
    for name, value in essence.items():
        if name == "then":
            for each in value:
                yield from _told(each, f"{each['action']} ")
        elif name == "calls":
            yield (
                f"{of}calls",
                ", ".join(f"{call['key'].partition(':')[0]} {call['state']}" for call in value),
            )
        elif name != "action":
            yield f"{of}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)

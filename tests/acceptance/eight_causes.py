"""Make dead letters of eight causes by real runs, none of which is retried automatically soon."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from tests.acceptance.making import as_event, person
from tests.acceptance.stage import Published, Stage
from tests.acceptance.waiting import eventually
from tests.sabotage.running import copy_to

EACH = 125 if os.environ.get("LEADS_CHAOS") else 15
"""Letters per cause; LEADS_CHAOS=full makes a thousand in all."""
REPAIRED = 200 if os.environ.get("LEADS_CHAOS") else EACH
"""Letters of the cause that a recipe repairs."""
CALM = """
[retry]
delays = ["6h"]
[pause]
failures = 100000
letters_per_minute = 100000
[[recipes]]
name = "strip-country"
version = 1
patch = [{ op = "remove", path = "/country" }]
"""


def changed(number: int, **fields: object) -> Published:
    """Return a lead with these fields changed in its body."""
    event = as_event(number, person(number))
    return replace(event, value=json.dumps({**json.loads(event.value or b"{}"), **fields}).encode())


def with_header(event: Published, name: str, value: bytes | None) -> Published:
    """Return the event with a header replaced, or removed when `value` is None."""
    kept = [(each, raw) for each, raw in event.headers if each != name]
    return replace(event, headers=[*kept, *([] if value is None else [(name, value)])])


UNREADABLE = 4
"""Kinds of records that no build can read as a lead."""


def unreadable(each: int, kinds: int = UNREADABLE + 2) -> list[Published]:
    """Return `each` records of each of the first `kinds` kinds that fail without any defect."""
    records: list[Published] = []
    numbers = iter(range(10_000, 10_000 + 8 * each))
    for _ in range(each):
        records += [
            replace(as_event(next(numbers), person(1)), value=b"{not json"),
            replace(as_event(next(numbers), person(1)), value=b'{"email": "\xff"}'),
            changed(next(numbers), country="\x07"),
            with_header(as_event(next(numbers), person(1)), "ce_source", None),
            with_header(as_event(next(numbers), person(1)), "ce_expirytime", b"2026-01-01T00:00:00Z"),
            replace(as_event(next(numbers), person(1)), value=b"[" * 40 + b"]" * 40),
        ][:kinds]
    return records


def healthy(each: int) -> list[Published]:
    """Return leads of different people."""
    return [as_event(number, person(number)) for number in range(each)]


def fail(stage: Stage, each: int = EACH, extra_config: str = "") -> None:
    """Open an installation and let a worker make the letters; afterwards the worker runs and all servers are back.

    Six kinds of records fail without any defect; the absent mail server and webhook make two more.
    """
    stage.open(CALM + extra_config)
    stage.start_worker()
    with_servers_away(stage, unreadable(each) + healthy(each))
    wait_for_letters(stage, 8 * each)


DEFECTS = {
    "actions/create_or_update_contact.py": '(lead.lead.email or "").startswith("upsert-")',
    "actions/assign_owner.py": '(contact.contact.email or "").startswith("assign-")',
}
"""The actions in which a build fails, and the condition on their input."""


def fail_by_defects(stage: Stage, each: int = EACH) -> None:
    """Make letters as `fail` does, with two causes in a build that fails to write some contacts and assign some owners.

    Half of the people whose contact is not written are known already and send new data. The worker that runs afterwards
    is of this build, in which both defects are mended.
    """
    stage.open(CALM)
    known = stage.start_worker()
    stage.publish([defective("upsert", number, "2026-11-20T00:00:00Z") for number in range(0, each, 2)])
    stage.settle(within=120)
    known.terminate(within=20)
    bad = stage.folder / "bad"
    copy_to(bad)
    for file, condition in DEFECTS.items():
        break_action(bad / file, condition)
    worker = stage.start_as("streams.interfaces.cli.main", build=bad)
    # Leads that take turns go first, because the order of turns among later ones cannot be predicted.
    stage.publish([defective("assign", number, "2026-11-23T00:00:00Z") for number in range(each)])
    stage.settle(within=240)
    later = [
        changed(80_000 + number, email=f"upsert-{number}@customer.example", company=f"New {number}")
        for number in range(each)
    ]
    with_servers_away(stage, unreadable(each, UNREADABLE) + later + healthy(each))
    wait_for_letters(stage, 8 * each)
    worker.terminate(within=20)
    stage.start_worker()


def defective(kind: str, number: int, time: str) -> Published:
    """Return a lead for which the build with defects fails."""
    offset = 60_000 if kind == "upsert" else 70_000
    event = changed(offset + number, email=f"{kind}-{number}@customer.example", company=f"Old {number}")
    return with_header(event, "ce_time", time.encode())


def break_action(path: Path, condition: str) -> None:
    """Make an action fail under this condition."""
    text = path.read_text()
    start = text.index("async def ")
    body = text.index('"""', text.index('"""', start) + 3) + 4
    path.write_text(f'{text[:body]}    if {condition}:\n        raise KeyError("a defect")\n{text[body:]}')


def with_servers_away(stage: Stage, records: list[Published]) -> None:
    """Let workers process these records while mail server and webhook are stopped."""
    stage.mails.stop()
    stage.webhooks.stop()
    stage.publish(records)
    stage.settle(within=240)
    stage.mails.start()
    stage.webhooks.start()


def wait_for_letters(stage: Stage, number: int) -> None:
    """Wait until the index has so many letters."""
    eventually(
        lambda: stage.count("SELECT count(*) FROM letters"), lambda letters: letters == number, within=60
    )

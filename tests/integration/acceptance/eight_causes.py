"""This file makes dead letters of eight causes by real runs, and nothing that would be retried by itself soon."""

from __future__ import annotations

import json
import os
from dataclasses import replace

from tests.integration.acceptance.making import as_event, person
from tests.integration.acceptance.stage import Published, Stage
from tests.integration.acceptance.waiting import eventually

EACH = 125 if os.environ.get("LEADS_CHAOS") else 15
"""Letters per cause; LEADS_CHAOS=full makes a thousand in all."""
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
    """A lead whose body has other fields."""
    event = as_event(number, person(number))
    return replace(event, value=json.dumps({**json.loads(event.value or b"{}"), **fields}).encode())


def with_header(event: Published, name: str, value: bytes | None) -> Published:
    """The same with a header changed, or taken away."""
    kept = [(each, raw) for each, raw in event.headers if each != name]
    return replace(event, headers=[*kept, *([] if value is None else [(name, value)])])


def eight_causes(each: int) -> list[Published]:
    """Six kinds of records that fail by themselves; the mail server and the webhook that are away make two more."""
    made: list[Published] = []
    numbers = iter(range(10_000, 10_000 + 8 * each))
    for _ in range(each):
        made += [
            replace(as_event(next(numbers), person(1)), value=b"{not json"),
            replace(as_event(next(numbers), person(1)), value=b'{"email": "\xff"}'),
            changed(next(numbers), country=49),
            with_header(as_event(next(numbers), person(1)), "ce_source", None),
            with_header(as_event(next(numbers), person(1)), "ce_expirytime", b"2026-01-01T00:00:00Z"),
            replace(as_event(next(numbers), person(1)), value=b"[" * 40 + b"]" * 40),
        ]
    return made + [as_event(number, person(number)) for number in range(each)]


def fail(stage: Stage, each: int = EACH, extra_config: str = "") -> None:
    """Open an installation and let a worker, which goes on running, make the letters; all servers are back then."""
    stage.open(CALM + extra_config)
    stage.start_worker()
    stage.mails.stop()
    stage.webhooks.stop()
    stage.publish(eight_causes(each))
    stage.settle(within=240)
    stage.mails.start()
    stage.webhooks.start()
    eventually(
        lambda: stage.count("SELECT count(*) FROM letters"), lambda found: found == 8 * each, within=60
    )

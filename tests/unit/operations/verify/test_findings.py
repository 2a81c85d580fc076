"""Findings are counted whole, listed up to a limit, and every fault is planted."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import streams.operations.verify as verify_room
from streams.operations.verify.contract import (
    INTENT,
    derive,
)
from streams.operations.verify.evidence import EffectRow, Webhook
from streams.operations.verify.findings import Fault
from tests.unit.operations.verify.history import (
    LEAD,
    NOW_MS,
    History,
)
from tests.unit.operations.verify.planting import judged


async def test_the_limit_cuts_what_is_listed_and_never_what_is_counted(history: History) -> None:
    for number in range(5):
        history.webhooks += [Webhook(f"msg_{number}", f"{LEAD}-{number}")] * 2
        history.effects.append(EffectRow(f"welcome:{number}", derive(number), INTENT, NOW_MS * 1000))

    verdict = await judged(history, limit=2)

    assert (len(verdict.repeated_webhooks), verdict.counts["repeated_webhooks"]) == (2, 5)
    assert (len(verdict.uncertain), verdict.counts["uncertain"]) == (2, 5)
    (tally,) = verdict.findings.of("inconsistent")
    assert (len(tally.kept), tally.count) == (2, 5)


def test_every_fault_is_planted() -> None:
    found = pkgutil.iter_modules(verify_room.__path__, f"{verify_room.__name__}.")
    modules = [importlib.import_module(each.name) for each in found]
    values = [value for module in modules for value in vars(module).values()]
    values += [each for value in values if isinstance(value, dict) for each in value.values()]

    faults = {(each.kind, each.what) for each in values if isinstance(each, Fault)}
    files = sorted(Path(__file__).parent.glob("test_*.py"))
    tests = [importlib.import_module(f"tests.unit.operations.verify.{file.stem}") for file in files]
    planted = {(kind, what) for each in tests for _, kind, what in getattr(each, "FAULTS", [])}
    assert faults == planted

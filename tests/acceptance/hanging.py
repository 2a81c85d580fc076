"""Runs `leads …` with an action that hangs: `LEADS_TEST_HANG` has the form `action:how`."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from dataclasses import replace

import streams.onboarding
from actions.action import ActionFunction
from streams.interfaces.cli.main import main
from streams.workflow import Workflow
from topics.events import Event


async def hang_and_block(event: Event, **_: object) -> Event:
    """Block the thread this runs in: the store's for an action over the store, else the event loop's."""
    threading.Event().wait()
    return event


async def hang_and_wait(event: Event, **_: object) -> Event:
    """Wait for an event that never comes; everything else keeps running."""
    await asyncio.Event().wait()
    return event


async def hang_and_keep_the_lock(event: Event, **_: object) -> Event:
    """Hold the GIL in C code, so that no thread runs: this match practically never ends."""
    re.match(r"(a+)+$", "a" * 60 + "b")
    return event


HOW: dict[str, ActionFunction] = {
    "block": hang_and_block,
    "wait": hang_and_wait,
    "keep": hang_and_keep_the_lock,
}


def with_hanging(workflow: Workflow, text: str) -> Workflow:
    """Return the workflow with one action's function replaced."""
    name, _, how = text.partition(":")
    steps = [
        replace(step, action=replace(step.action, function=HOW[how])) if step.name == name else step
        for step in workflow.steps
    ]
    assert steps != list(workflow.steps), f"there is no action {name}"
    return Workflow(workflow.name, *steps)


if __name__ == "__main__":
    streams.onboarding.ONBOARDING = with_hanging(streams.onboarding.ONBOARDING, os.environ["LEADS_TEST_HANG"])
    main()

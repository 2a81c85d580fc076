"""What the pages name exists: pages, headings, commands, variables, topics and files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_group

from streams.interfaces.cli.main import app
from streams.settings import Settings
from tests.support.commands import REPOSITORY
from topics.events import EVENTS
from topics.registry import TOPICS

PAGES = [REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
TEXTS = {path: path.read_text(encoding="utf-8") for path in PAGES}
OF_CHAOS_RUNS = {"LEADS_CHAOS", "LEADS_CHAOS_SEED", "LEADS_CHAOS_SOAK"}
WRITTEN_BY_THE_READER = {
    "actions/request_call.py",
    "streams/adapters/call_list.py",
    "tests/unit/actions/test_request_call.py",
    "calls.requested.v1",
    "crm.call.requested.v1",
    "calls.scheduled.v1",
    "crm.call.scheduled.v1",
}
"""Examples of docs/actions.md and README.md."""


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(group: TyperGroup, prefix: str = "leads") -> set[str]:
    """Return every command with its groups, as one types it."""
    found = set()
    for name, command in group.commands.items():
        found.add(f"{prefix} {name}")
        if isinstance(command, TyperGroup):
            found |= commands(command, f"{prefix} {name}")
    return found


KNOWN_COMMANDS = commands(get_group(app))
KNOWN_VARIABLES = {f"LEADS_{name.upper()}" for name in Settings.model_fields} | OF_CHAOS_RUNS
KNOWN_TOPICS = {spec.name for spec in TOPICS} | {event.type for event in EVENTS}


def broken_links(page: Path, text: str) -> set[str]:
    broken = set()
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(TEXTS.get(path, ""))):
            broken.add(target)
    return broken


def unknown_commands(_: Path, text: str) -> set[str]:
    """Look at the commands of console blocks: the first two words, or three of a group's command."""
    shown = re.findall(r"^(?:\$ )?(leads(?: [a-z][a-z-]+){1,2})", text, re.MULTILINE)
    return {
        each
        for each in shown
        if each not in KNOWN_COMMANDS and " ".join(each.split()[:2]) not in KNOWN_COMMANDS
    }


def unknown_variables(_: Path, text: str) -> set[str]:
    return set(re.findall(r"\bLEADS_[A-Z]+(?:_[A-Z]+)*\b", text)) - KNOWN_VARIABLES


def unknown_topics(_: Path, text: str) -> set[str]:
    named = set(re.findall(r"[`\"](?:crm\.|demo\.)?([a-z-]+(?:\.[a-z-]+)+\.v\d)[`\"]", text))
    known = KNOWN_TOPICS | {name.removeprefix("crm.") for name in KNOWN_TOPICS | WRITTEN_BY_THE_READER}
    return named - known - WRITTEN_BY_THE_READER


def absent_files(_: Path, text: str) -> set[str]:
    named = set(re.findall(r"`((?:tests|streams|actions|topics|bench)/[\w./-]+)`", text))
    return {name for name in named - WRITTEN_BY_THE_READER if not (REPOSITORY / name).exists()}


CHECKS = [broken_links, unknown_commands, unknown_variables, unknown_topics, absent_files]
Check = Callable[[Path, str], set[str]]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
@pytest.mark.parametrize("check", CHECKS)
def test_what_a_page_names_exists(page: Path, check: Check) -> None:
    assert check(page, TEXTS[page]) == set()


@pytest.mark.parametrize(
    ("check", "planted"),
    [
        (broken_links, "[x](docs/absent.md)"),
        (broken_links, "[x](docs/settings.md#absent)"),
        (unknown_commands, "$ leads pubish leads.csv"),
        (unknown_variables, "`LEADS_KAFAK`"),
        (unknown_topics, "`leads.recieved.v1`"),
        (absent_files, "`tests/absent.py`"),
    ],
)
def test_what_does_not_exist_is_seen(check: Check, planted: str) -> None:
    assert len(check(REPOSITORY / "README.md", planted)) == 1

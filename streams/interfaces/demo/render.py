"""This file draws the summary for a terminal: the funnel, the letters, the sums, and where to look next."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.interfaces.demo.showing import MOST_BAR, bar
from streams.interfaces.demo.summary import Summary

_STEPS = (
    ("validated", "validate-lead"),
    ("matched", "find-duplicates"),
    ("upserted", "create-or-update-contact"),
    ("assigned", "assign-owner"),
    ("welcomed", "send-welcome-email"),
    ("notified", "notify-owner"),
)
_HELP = {
    "CONTROL_CHARACTER": "a control character, here NUL",
    "DUPLICATE_ATTRIBUTE": "a header that stands twice",
    "ID_REUSED": "a known id with other content",
    "MISSING_ATTRIBUTE": "a required ce_ header is missing",
    "NOT_AN_OBJECT": "JSON, but not an object",
    "NOT_JSON": "cut off in the middle",
    "NOT_UTF8": "bytes that are no UTF-8",
    "TOMBSTONE": "a key without a value",
    "TOO_DEEP": "JSON of more than 32 levels",
    "TOO_LARGE": "more than 256 KiB",
    "UNKNOWN_TYPE": "an event of another topic",
    "WRONG_TYPE": "a number where text belongs",
}


def draw(summary: Summary, console: Console) -> None:
    """Print it."""
    width = min(console.width, 100)
    _funnel(summary, console, width)
    _sources(summary, console)
    _people(summary, console)
    _letters(summary, console)
    _sums(summary, console)


def _title(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _funnel(summary: Summary, console: Console, width: int) -> None:
    received = summary.counted.received_by_broker
    results = summary.counted.books.results
    rows = [("received", received, "cyan", _repeated(summary))]
    for name, action in _STEPS:
        outcomes = {
            key: count
            for key, count in results.get(action, {}).items()
            if not key.startswith("crm.lead.rejected")
        }
        rows.append((name, sum(outcomes.values()), "green", _outcomes(outcomes)))
    rows += [
        ("rejected", summary.fates.get("rejected", 0), "yellow", "results that say all that is wrong"),
        ("open letters", summary.fates.get("letter", 0), "red", "cannot be read: for a person"),
    ]
    earlier = "; repetitions as they ended the first time" if summary.counted.known_before else ""
    _title(console, f"The funnel: what came of what was received, each event once{earlier}")
    table = Table.grid(padding=(0, 1))
    table.add_column(min_width=12)
    table.add_column(justify="right", min_width=4)
    room = min(MOST_BAR, max(10, width - 62))
    table.add_column(min_width=room)
    table.add_column(style="dim", overflow="fold")
    for name, count, colour, note in rows:
        table.add_row(
            name, f"{count:,}", Text(bar(count, received, room, console.encoding), style=colour), note
        )
    console.print(table, highlight=False)


def _repeated(summary: Summary) -> str:
    return f"of these {summary.repeated:,} are repetitions" if summary.repeated else ""


def _outcomes(outcomes: dict[str, int]) -> str:
    if len(outcomes) == 1 and next(iter(outcomes)).startswith("crm."):
        return ""
    ordered = sorted(outcomes.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{count:,} {name.replace('-', ' ')}" for name, count in ordered)


def _table(columns: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(
            name.removeprefix("#"), justify="right" if name.startswith("#") else "left", overflow="fold"
        )
    return table


def _sources(summary: Summary, console: Console) -> None:
    _title(console, "By source")
    table = _table(("source", "#received", "#onboarded", "#rejected", "#open letters"))
    for source, fates in summary.sources.items():
        told = [fates.get("onboarded", 0), fates.get("rejected", 0), fates.get("letter", 0)]
        table.add_row(source, f"{sum(fates.values()):,}", *(f"{count:,}" for count in told))
    console.print(table, highlight=False)


def _people(summary: Summary, console: Console) -> None:
    counted = summary.counted
    books = counted.books
    new = books.contacts_after - books.contacts_before
    shares = ", ".join(f"{owner} {count:,}" for owner, count in sorted(books.owners.items()))
    lines = (
        ("contacts", f"{books.contacts:,}, of these new in this run {new:,}"),
        ("owners", shares),
        ("mails", _mails(len(counted.outside.mails), counted.mails_late)),
        ("webhooks", f"{len(counted.outside.hooks):,} in this run, one per new lead"),
    )
    table = Table.grid(padding=(0, 1))
    table.add_column(min_width=12)
    table.add_column(overflow="fold")
    for name, text in lines:
        table.add_row(name, text)
    console.print(table, highlight=False)


def _mails(count: int, late: int) -> str:
    return f"{count:,} in this run" + (f", {late:,} of them when the mail server was back" if late else "")


def _letters(summary: Summary, console: Console) -> None:
    if not summary.codes:
        return
    _title(console, "Open letters: parked until somebody decides, the original bytes are kept")
    table = _table(("code", "#letters", "what it is", "one of them"))
    for code in summary.codes:
        table.add_row(
            code.code, f"{code.letters:,}", _HELP.get(code.code, "see the letter"), code.example[:8]
        )
    console.print(table, highlight=False)


def _sums(summary: Summary, console: Console) -> None:
    fates = summary.fates
    _title(console, "Does it add up?")
    signs = ("✓", "✗") if console.encoding.lower().startswith("utf") else ("ok", "OFF")
    for check in summary.checks:
        mark = Text(signs[0], style="green") if check.is_right else Text(signs[1], style="bold red")
        numbers = f"{check.one:,}" if check.is_right else f"{check.one:,} is not {check.other:,}"
        console.print(mark, Text(f"{check.name}: {numbers}"), Text(f"({check.places})", style="dim"))
    console.print()
    total = Text(
        f"{summary.counted.received_by_broker:,} received = {fates.get('onboarded', 0):,} onboarded + "
        f"{fates.get('rejected', 0):,} rejected + {fates.get('letter', 0):,} open letters",
        style="bold green" if summary.is_right else "bold red",
    )
    console.print(total)

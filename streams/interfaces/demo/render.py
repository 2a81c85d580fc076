"""Displays the demo: bars while it runs, and at the end the counts of each action, the open letters and the sums."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from streams.interfaces.demo.summary import State, Summary
from streams.onboarding import ONBOARDING
from topics.events import LeadReceived

LINE_EVERY_S = 5.0
MAX_BAR = 60
_EIGHTHS = " ▏▎▍▌▋▊▉"


class Row(NamedTuple):
    """A count with its bar."""

    name: str
    number: int
    colour: str
    cells: Sequence[str] = ()
    """Cells beside the bar."""


def _rows(state: State) -> Iterator[Row]:
    yield Row("received", state.received, "cyan")
    for step in ONBOARDING.steps_of(LeadReceived):
        yield Row(step.action.kebab, state.done(step.action.kebab), "green")
    yield Row("waiting", sum(state.waiting.values()), "yellow")
    yield Row("open letters", state.open_letters, "red")
    yield Row("mails", state.mails, "magenta")
    yield Row("webhooks", state.webhooks, "magenta")


def _bars(rows: Sequence[Row], whole: int, width: int, encoding: str) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(min_width=12)
    table.add_column(justify="right", min_width=4)
    table.add_column(min_width=width)
    table.add_column(justify="right")
    table.add_column(style="dim", overflow="fold")
    for row in rows:
        bar = Text(_bar(row.number, whole, width, encoding), style=row.colour)
        table.add_row(row.name, f"{row.number:,}", bar, *row.cells)
    return table


def _bar(count: int, whole: int, width: int, encoding: str) -> str:
    """Return a bar; any count above 0 is visible."""
    if whole <= 0 or count <= 0:
        return ""
    eighths = max(1, round(min(count / whole, 1.0) * width * 8))
    if not encoding.lower().startswith("utf"):
        return "#" * max(1, eighths // 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


class Display:
    """Progress on stderr: bars on a terminal, elsewhere at most a line every `LINE_EVERY_S`. Use it in `with`."""

    def __init__(self, console: Console, total: int) -> None:
        """`total` is the count of a full bar."""
        self._console = console
        self._total = total
        self._rows: Sequence[Row] = ()
        self._began = self._printed = time.monotonic()
        self._live: Live | None = None
        if console.is_terminal:
            self._live = Live(
                console=console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )

    def note(self, text: str) -> None:
        """Print a line about an event, with the seconds since the start."""
        clock = f"{time.monotonic() - self._began:5.1f} s  "
        self._console.print(clock + text, markup=False, highlight=False, soft_wrap=self._live is None)

    def update(self, state: State) -> None:
        """Show the state."""
        rows = list(_rows(state))
        is_new, self._rows = rows != self._rows, rows
        if self._live is not None:
            width = max(10, min(MAX_BAR, self._console.width - 36))
            bars = _bars(rows, self._total, width, self._console.encoding)
            self._live.update(Group(Text(), bars), refresh=True)
        elif is_new and time.monotonic() - self._printed >= LINE_EVERY_S:
            self._printed = time.monotonic()
            self.note(", ".join(f"{row.name} {row.number:,}" for row in rows))

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()


def draw(summary: Summary, console: Console) -> None:
    """Print the summary."""
    _actions(summary, console)
    _letters(summary, console)
    _sums(summary, console)


def _title(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _actions(summary: Summary, console: Console) -> None:
    start, end = summary.start, summary.end
    _title(console, "What the actions have done, each event once (+ in this run)")
    repetitions = f"{summary.repeated:,} of these are repetitions" if summary.repeated else ""
    rows = [Row("received", end.received, "cyan", (f"+{end.received - start.received:,}", repetitions))]
    for step in ONBOARDING.steps_of(LeadReceived):
        action = step.action.kebab
        done = end.done(action)
        cells = (f"+{done - start.done(action):,}", _outcomes(summary.outcomes.get(action, {})))
        rows.append(Row(action, done, "green", cells))
    new_letters = f"+{end.open_letters - start.open_letters:,}"
    rows.append(Row("open letters", end.open_letters, "red", (new_letters, "wait for a person")))
    width = min(MAX_BAR, max(10, min(console.width, 120) - 82))
    console.print(_bars(rows, end.received, width, console.encoding), highlight=False)
    console.print()
    facts = Table.grid(padding=(0, 1))
    facts.add_column(min_width=12)
    facts.add_column(overflow="fold")
    late = f", {summary.mails_late:,} of them when the mail server was back" if summary.mails_late else ""
    facts.add_row("contacts", f"{end.contacts:,} (+{end.contacts - start.contacts:,})")
    facts.add_row("owners", _listed(summary.owners))
    facts.add_row("mails", f"{end.mails:,} (+{end.mails - start.mails:,}{late})")
    repeated = end.webhooks - summary.verdict.counts["webhooks"]
    dropped = f", {repeated:,} of all repeated under their id, which the receiver drops" if repeated else ""
    facts.add_row("webhooks", f"{end.webhooks:,} (+{end.webhooks - start.webhooks:,}{dropped})")
    facts.add_row("sources", _listed(summary.sources))
    console.print(facts, highlight=False)


def _outcomes(outcomes: Mapping[str, int]) -> str:
    """Return outcomes, the most frequent first; `crm.lead.rejected.v1` as `lead rejected`."""
    ordered = sorted(outcomes.items(), key=lambda pair: -pair[1])
    names = {name: name.removeprefix("crm.").rpartition(".v")[0] or name for name in outcomes}
    return ", ".join(
        f"{count:,} {names[name].replace('.', ' ').replace('-', ' ')}" for name, count in ordered
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _letters(summary: Summary, console: Console) -> None:
    if not summary.letters:
        return
    _title(console, "Unreadable records of this run, kept as letters with their original bytes")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("code", "letters", "what it is", "one of them"):
        table.add_column(name, justify="right" if name == "letters" else "left", overflow="fold")
    for code, ids in summary.letters.items():
        table.add_row(code, f"{len(ids):,}", summary.unreadable[ids[0]], ids[0][:8])
    console.print(table, highlight=False)


def _sums(summary: Summary, console: Console) -> None:
    _title(console, "Does it add up?")
    right, wrong = ("✓", "✗") if console.encoding.lower().startswith("utf") else ("ok", "OFF")
    for check in summary.checks:
        mark = Text(right, style="green") if check.is_right else Text(wrong, style="bold red")
        numbers = f"{check.one:,}" if check.is_right else f"{check.one:,} is not {check.other:,}"
        console.print(mark, Text(f"{check.name}: {numbers}"), Text(f"({check.places})", style="dim"))
    console.print()
    counts = summary.verdict.counts
    text = (
        f"{summary.received:,} received = {summary.fate('onboarded'):,} onboarded + "
        f"{summary.fate('rejected'):,} rejected + {summary.fate('letter'):,} open letters; "
        f"{counts['mails']:,} mails, {counts['webhooks']:,} notices, {counts['contacts']:,} contacts"
    )
    if summary.is_right:
        text += ", none twice"
    console.print(Text(text, style="bold green" if summary.is_right else "bold red"))

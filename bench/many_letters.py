"""How long commands take when there are very many dead letters: `python -m bench.many_letters`.

The letters are written on the dead-letter topic as workers write them, of made-up causes; what failed are leads of
people of their own, so that a plan of them runs everything that would follow. The index is then made from the topic.
Seconds are of this machine, the start of the command included.

Exit codes: see `on_a_broker`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from bench.checks import demand
from bench.cluster import PARTITIONS, Cluster
from bench.events import late_leads
from bench.installation import LETTERS_PER_S_AT_LEAST, Installation
from bench.machine import facts
from bench.onboarded import START_S
from bench.progress import Progress
from bench.report import WIDTH, machine_line
from bench.running import on_a_broker
from streams.engine.execution import Source
from streams.engine.failures import Failure, write_letter
from streams.workflow import RetryPolicy
from topics.envelope import Headers
from topics.events import LeadReceived
from topics.record import Position
from topics.registry import TopicNames

MAX_LETTERS = 100_000
"""So many `list` gives at a time."""
LOOKED_AT = ("groups", "list", "stats")
"""What people look at again and again."""
LOOK_S = 2.0
"""How long such a look may take; the rest shows how far it is."""


@dataclass(slots=True)
class Measuring:
    """One installation with many letters."""

    made: Installation
    letters: int
    groups: int
    planned: int
    progress: Progress
    found: dict[str, tuple[float, float]]
    """Seconds and MiB, by command."""

    def run(self) -> None:
        """Make the index and look at it in every way. Raises `WrongRunError` when a look shows something else."""
        self._time("reindex")
        for command in LOOKED_AT:
            self._time(command)
        groups = [orjson.loads(line) for line in self._time("groups", "--json")]
        listed = [
            orjson.loads(line)["id"] for line in self._time("list", "--limit", str(self.letters), "--json")
        ]
        causes = [f"CAUSE_{number}" for number in range(-(-self.planned * self.groups // self.letters))]
        chosen = ("--where", f"code in ({', '.join(causes)})", "--out", "many.plan")
        (plan,) = [orjson.loads(line) for line in self._time("plan", *chosen, "--json")]
        demand(
            "looking at many letters",
            {
                "groups": len(groups),
                "letters in groups": sum(each["count"] for each in groups),
                "listed": len(set(listed)),
                **plan["verdicts"],
            },
            {
                "groups": self.groups,
                "letters in groups": self.letters,
                "listed": self.letters,
                "would-resolve": sum(each["count"] for each in groups if each["code"] in causes),
            },
        )

    def _time(self, *arguments: str) -> list[bytes]:
        what = " ".join(arguments)
        self.progress.say(what)
        printed = self.made.folder / "printed"
        self.found[what] = self.made.timed(
            "dead-letters", *arguments, into=printed, within_s=START_S + self.letters / LETTERS_PER_S_AT_LEAST
        )
        return printed.read_bytes().splitlines()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table; gives the exit code."""
    given = _arguments(arguments)
    progress = Progress()

    def work(cluster: Cluster, folder: Path) -> None:
        machine = facts(cluster.version())
        with Installation(cluster, folder, f"bench.{int(time.time())}", given.database) as made:
            made.open()
            progress.say(f"{given.letters} letters are written")
            headers = (
                _headers(made.names, made.group, number, number % given.groups, lead)
                for number, lead in enumerate(late_leads(given.letters))
            )
            cluster.fill(made.names.letters, late_leads(given.letters), headers)
            measuring = Measuring(made, given.letters, given.groups, given.plan, progress, {})
            measuring.run()
        console = Console(highlight=False, width=WIDTH)
        console.print(machine_line(machine))
        console.print(_table(measuring))

    return on_a_broker(work, progress)


def _headers(names: TopicNames, group: str, number: int, cause: int, lead: tuple[bytes, bytes]) -> Headers:
    """What a letter says: the leads that failed are spread over the partitions, each at an offset of its own."""
    place = Position(
        names.of(LeadReceived), number % PARTITIONS, number // PARTITIONS, time.time_ns() // 1_000_000
    )
    return write_letter(
        Failure("defect", f"CAUSE_{cause}", "execute", f"Cause {cause} kept it from being done."),
        source=Source(place, *lead, []),
        action="validate-lead",
        action_version=1,
        attempts=1,
        request=None,
        retry=RetryPolicy(),
        group=group,
        now=datetime.now(UTC),
    ).headers()


def _table(measuring: Measuring) -> Table:
    title = f"{measuring.letters:,} dead letters in {measuring.groups} groups, {measuring.planned:,} of them planned"
    table = Table(title=title, title_justify="left")
    for heading in ("leads dead-letters …", "seconds", "MiB", "must"):
        table.add_column(heading, justify="left" if heading.startswith("leads") else "right")
    for what, (seconds, mib) in measuring.found.items():
        must = ""
        if what in LOOKED_AT:
            must = f"[green]<= {LOOK_S:g} s[/]" if seconds <= LOOK_S else f"[red]<= {LOOK_S:g} s, missed[/]"
        shown = what if len(what) < WIDTH // 2 else f"{what[: WIDTH // 2]}…"
        table.add_row(shown, f"{seconds:.1f}", f"{mib:.0f}", must)
    return table


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.many_letters",
        description="Measure how long the commands about dead letters take when there are very many. "
        "The broker is that of LEADS_KAFKA, else a local one that is started.",
    )
    parser.add_argument("--letters", type=int, default=MAX_LETTERS, help="(%(default)s, at most)")
    parser.add_argument("--groups", type=int, default=40, help="causes they are of (%(default)s)")
    parser.add_argument("--plan", type=int, help="about how many are planned (a fifth)")
    parser.add_argument("--database", metavar="URL", help="an empty PostgreSQL database (a SQLite file)")
    given = parser.parse_args(arguments)
    given.plan = max(given.letters // 5, 1) if given.plan is None else given.plan
    if given.letters > MAX_LETTERS:
        parser.error(f"--letters must be at most {MAX_LETTERS}")
    if not 1 <= given.groups <= given.letters or not 1 <= given.plan <= given.letters:
        parser.error("--groups and --plan must be at least 1 and at most --letters")
    return given


if __name__ == "__main__":
    sys.exit(main())

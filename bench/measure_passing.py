"""P1 and P2: CPU per event of passing events through."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from bench.checks import Sequence, WrongRunError, demand, sequence_of
from bench.cluster import Cluster
from bench.events import event
from bench.processes import PREVIOUS, Talking, build_of
from bench.progress import Progress
from bench.rounds import Figures, Target

CPU = "cpu_us_per_event"
P1 = Target(
    "P1", "pass-through, CPU per event", CPU, "engine", "plain", must=1.0, stretch=0.6, is_less_better=True
)
P2 = Target(
    "P2", "pass-through, CPU per event", CPU, "stock", "engine", must=12, stretch=22, is_less_better=False
)
P1_PREVIOUS = Target(
    "P1", "against the previous build", CPU, PREVIOUS, "engine", must=0.95, stretch=1.0, is_less_better=False
)
_US_AT_MOST = 2000
"""So slow that it must hang."""


@dataclass(slots=True)
class PassingRuns:
    """Runs contenders over the same input topic, each with a fresh output topic and group."""

    cluster: Cluster
    folder: Path
    run_id: str
    events: int
    progress: Progress
    previous: Path | None = None
    """Checkout of the build that runs as the contender `PREVIOUS`."""

    @property
    def source(self) -> str:
        """The input topic."""
        return f"{self.run_id}.events"

    def fill(self) -> None:
        """Publish the numbered events."""
        self.progress.say(f"publishing {self.events} events")
        self.cluster.make([self.source])
        self.cluster.fill(self.source, (event(number) for number in range(self.events)))
        if self._read("the input", self.source).duplicated:
            raise WrongRunError("the input: an event was published twice")

    def run(self, name: str, number: int) -> Figures:
        """Run one contender and check its output. Raises `WrongRunError`."""
        group = f"{self.run_id}.{name}-{number}"
        target = f"{group}.passed"
        self.cluster.make([target])
        spec = {
            "kafka": self.cluster.bootstrap,
            "group": group,
            "source": self.source,
            "target": target,
            "events": self.events,
        }
        self.progress.say(f"round {number + 1}: {name} passes {self.events} events through")
        contender, build = build_of(name, "engine", self.previous)
        arguments = ["bench.contender", contender, orjson.dumps(spec).decode()]
        with Talking(arguments, self.folder, f"{name}-{number}", build=build) as child:
            figures: dict[str, float] = child.hear("measured", 60 + self.events * _US_AT_MOST / 1e6)
        what = f"{name}, round {number + 1}"
        sequence = self._read(what, target)
        demand(
            what,
            {"offsets committed": self.cluster.committed(group, [self.source])},
            {"offsets committed": self.events},
        )
        return figures | {"duplicated": sequence.duplicated}

    def _read(self, what: str, topic: str) -> Sequence:
        with closing(self.cluster.reader([topic])) as reader:
            records = ((record.key(), record.value()) for record in reader.to_the_end())
            sequence = sequence_of(records, self.events)
        if not sequence.is_right:
            raise WrongRunError(f"{what}: {asdict(sequence)}")
        return sequence

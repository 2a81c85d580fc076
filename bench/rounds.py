"""Summarise rounds of two contenders: figures per contender, and the ratio round by round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.machine import others_percent

Figures = Mapping[str, float]
OTHERS = "others_cpu_percent"
"""Figure every run has: how busy the machine was with other work right before it."""
QUIET_PERCENT = 10.0
"""Above it, what is measured in seconds can come out either way; CPU time of a process suffers far less."""

Run = Callable[[str, int], Figures]
"""Runs the contender of this name in this round, checks what it did, and gives its figures."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is measured and what it must come to."""

    id: str
    what: str
    figure: str
    """Name of the figure that is compared, with its unit."""
    above: str
    """Contender whose figure stands above the line of the ratio."""
    below: str
    must: float
    stretch: float
    is_less_better: bool
    """Of the ratio."""

    def is_met(self, ratio: float, bound: float) -> bool:
        """Whether a ratio is as good as the bound."""
        return ratio <= bound if self.is_less_better else ratio >= bound


@dataclass(slots=True)
class Rounds:
    """Figures of each contender, one entry per round."""

    figures: dict[str, list[Figures]] = field(default_factory=dict)

    def play(self, contenders: Sequence[str], rounds: int, run: Run) -> None:
        """Let each contender run once per round; who begins changes, so that no one always meets a cold machine."""
        for number in range(rounds):
            order = contenders if number % 2 == 0 else contenders[::-1]
            for name in order:
                others = others_percent()
                self.figures.setdefault(name, []).append({**run(name, number), OTHERS: others})

    def of(self, contender: str, figure: str) -> list[float]:
        """One figure of one contender, by round."""
        return [figures[figure] for figures in self.figures[contender]]

    @property
    def others(self) -> float:
        """Median of how busy the machine was with other work."""
        return median(each[OTHERS] for figures in self.figures.values() for each in figures)

    def ratios(self, target: Target) -> list[float]:
        """The target's ratio, by round: both sides of a round ran next to each other in time."""
        pairs = zip(self.of(target.above, target.figure), self.of(target.below, target.figure), strict=True)
        return [above / below for above, below in pairs]

    def result(self, target: Target) -> dict[str, object]:
        """The target's ratio and whether it is met, for the table and for JSON."""
        ratios = self.ratios(target)
        middle = median(ratios)
        return {
            "id": target.id,
            "what": target.what,
            "figure": target.figure,
            "ratio": f"{target.above} / {target.below}",
            "median": middle,
            "lowest": min(ratios),
            "highest": max(ratios),
            "must": target.must,
            "stretch": target.stretch,
            "is_less_better": target.is_less_better,
            OTHERS: self.others,
            "is_quiet": self.others <= QUIET_PERCENT,
            "is_met": target.is_met(middle, target.must),
            "is_stretch_met": target.is_met(middle, target.stretch),
        }

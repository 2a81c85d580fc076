"""Print the measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.rounds import OTHERS, Rounds, Target

WIDTH = 120


def print_report(
    machine: Mapping[str, Any],
    measured: Sequence[tuple[Target, Rounds]],
    results: Sequence[Mapping[str, Any]],
) -> None:
    """Print a table per comparison on stdout, and one of the ratios."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)  # narrower, the tables cannot be read; a pipe says 80
    console.print(machine_line(machine))
    console.print(_contenders(measured))
    console.print(_ratios(results))
    for result in results:
        if not result["is_quiet"]:
            console.print(
                f"{result['id']}: other work kept the machine {result[OTHERS]:.0f} % busy between the runs; "
                f"{'measure again when it is quiet' if result['figure'].endswith('_per_s') else 'CPU time bears it'}."
            )


def machine_line(machine: Mapping[str, Any]) -> str:
    """Say in one line on what was measured."""
    return (
        f"{machine['cores']} cores, {machine['processor']}, Python {machine['python']}, Kafka {machine['kafka']}, "
        f"SQLite {machine['sqlite']}, revision {machine['revision']}, load before {machine['load_before']:.1f}"
    )


def _contenders(measured: Sequence[tuple[Target, Rounds]]) -> Table:
    table = Table(title="contenders", title_justify="left")
    for heading in ("contender", "figure", "best", "median", "lowest - highest", "rounds"):
        table.add_column(heading, justify="left" if heading in ("contender", "figure") else "right")
    shown = set()
    for _, rounds in measured:
        for name, figures in rounds.figures.items():
            for figure in figures[0]:
                if (id(figures), figure) in shown or figure in (
                    "seconds",
                    "duplicated",
                    "process_cpu_s",
                    OTHERS,
                    "leads",
                ):
                    continue
                shown.add((id(figures), figure))
                values = rounds.of(name, figure)
                best = max(values) if figure.endswith(("_per_s", "_meanwhile")) else min(values)
                spread = f"{min(values):,.1f} - {max(values):,.1f}"
                row = (f"{best:,.1f}", f"{median(values):,.1f}", spread, str(len(values)))
                table.add_row(name, figure.replace("_", " "), *row)
    return table


def _ratios(results: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="ratios, round by round; every run lost nothing", title_justify="left")
    for heading in ("", "what", "ratio", "median", "lowest - highest", "must", "stretch", ""):
        table.add_column(
            heading,
            justify="right" if heading in ("median", "lowest - highest", "must", "stretch") else "left",
        )
    for result in results:
        sign = "<=" if result["is_less_better"] else ">="
        is_noise = not result["is_quiet"] and result["figure"].endswith("_per_s")
        reached = (
            "noise"
            if is_noise
            else "stretch"
            if result["is_stretch_met"]
            else "met"
            if result["is_met"]
            else "missed"
        )
        table.add_row(
            result["id"],
            result["what"],
            result["ratio"],
            f"{result['median']:.2f}x",
            f"{result['lowest']:.2f} - {result['highest']:.2f}",
            f"{sign} {result['must']:g}x",
            f"{sign} {result['stretch']:g}x",
            f"[{'green' if reached in ('met', 'stretch') else 'red'}]{reached}[/]",
        )
    return table

"""Draws streams/ as rooms and floors from its imports, and holds the drawing to its measures."""

from __future__ import annotations

import shutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAX_ROOMS = 22
MAX_FLOORS = 8
FLOORS = (
    ("chunks", "clock", "durations", "errors", "failpoints"),
    ("kafka",),
    ("adapters", "store", "workflow"),
    ("engine", "onboarding"),
    ("dead_letters", "operations"),
    ("settings", "testing"),
    ("wiring", "worker"),
    ("interfaces",),
)
"""The order of docs/architecture.md: a room uses only those of floors before its own."""
DRAW = (
    "import grimp\n"
    "graph = grimp.build_graph('streams', cache_dir=None)\n"
    "for module in graph.modules:\n"
    "    for used in graph.find_modules_directly_imported_by(module):\n"
    "        print(module, used)\n"
)
Arrows = dict[str, set[str]]


def arrows_of(tree: Path) -> Arrows:
    """Return which rooms each room of `streams/` uses: a room is a folder or a module directly below it."""
    drawn = subprocess.run(
        [sys.executable, "-c", DRAW], cwd=tree, capture_output=True, text=True, timeout=60, check=True
    )
    modules = {path.relative_to(tree / "streams") for path in tree.glob("streams/**/[!_]*.py")}
    arrows: Arrows = {module.parts[0].removesuffix(".py"): set() for module in modules}
    for line in drawn.stdout.splitlines():
        user, used = (module.split(".")[1:2] for module in line.split())
        if user and used and user != used:
            arrows[user[0]].add(used[0])
    return arrows


def floors_of(arrows: Arrows) -> dict[str, int]:
    """Return each room's floor: 1 for one that uses no other. Raises `CycleError` for a ring."""
    floors: dict[str, int] = {}
    for room in TopologicalSorter(arrows).static_order():
        floors[room] = 1 + max((floors[used] for used in arrows[room]), default=0)
    return floors


def arrows_up(arrows: Arrows) -> list[tuple[str, str]]:
    """Return the arrows that do not lead to a lower floor of `FLOORS`."""
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    return sorted((user, used) for user in arrows for used in arrows[user] if floor[user] <= floor[used])


def test_the_rooms_of_streams_are_few_and_every_arrow_leads_down() -> None:
    arrows = arrows_of(ROOT)
    up = arrows_up(arrows)
    floors = floors_of(arrows)

    print(  # noqa: T201 - the drawing is what one wants to see with `pytest -s`
        f"{len(arrows)} rooms, {max(floors.values())} floors,"
        f" {sum(map(len, arrows.values()))} arrows, {len(up)} up, 0 rings"
    )
    for number in sorted(set(floors.values()), reverse=True):
        print(f"  floor {number}: {', '.join(sorted(r for r in floors if floors[r] == number))}")  # noqa: T201
    assert {room for rooms in FLOORS for room in rooms} == arrows.keys()
    assert len(arrows) <= MAX_ROOMS
    assert max(floors.values()) <= MAX_FLOORS
    assert up == []


def test_a_planted_arrow_up_is_seen_and_so_is_the_ring_it_makes(tmp_path: Path) -> None:
    for package in ("topics", "actions", "streams"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "streams/kafka/planted.py").write_text("from streams.settings import Settings\n")

    arrows = arrows_of(tmp_path)

    assert arrows_up(arrows) == [("kafka", "settings")]
    with pytest.raises(CycleError) as caught:
        floors_of(arrows)
    assert {"kafka", "settings"} <= set(caught.value.args[1])

"""What an action does past its ports is seen."""

from __future__ import annotations

import io
import os
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.testing.sidesteps import Sidesteps


def write_file(folder: Path) -> None:
    (folder / "notes").write_text("x")


def ask_database(folder: Path) -> None:
    link = sqlite3.connect(folder / "own.db")
    link.execute("SELECT 1")
    link.close()


def send(_: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.sendto(b"x", ("127.0.0.1", 9))


def make_folder(folder: Path) -> None:
    os.mkdir(folder / "new")  # noqa: PTH102 - what an action might do


@pytest.mark.parametrize(
    ("step", "seen"),
    [(write_file, "write"), (ask_database, "sqlite3"), (send, "sendto"), (make_folder, "os.mkdir")],
)
def test_what_reaches_outside_is_seen_with_its_place(
    step: Callable[[Path], None], seen: str, tmp_path: Path
) -> None:
    sidesteps = Sidesteps()
    with sidesteps.action():
        step(tmp_path)

    assert any(seen in each for each in sidesteps.found), sidesteps.found
    assert all(" at " in each for each in sidesteps.found)


def test_a_port_may_do_what_an_action_may_not(tmp_path: Path) -> None:
    sidesteps = Sidesteps()
    with sidesteps.action(), sidesteps.port():
        write_file(tmp_path)

    assert sidesteps.found == {}


def test_computing_and_text_in_memory_are_no_sidesteps() -> None:
    sidesteps = Sidesteps()
    with sidesteps.action():
        buffer = io.StringIO()
        buffer.write("x" * 3)
        sorted(buffer.getvalue())

    assert sidesteps.found == {}

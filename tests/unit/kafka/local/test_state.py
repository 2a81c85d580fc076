"""Test the record of which processes run the broker of a folder."""

from __future__ import annotations

import os
from pathlib import Path

from streams.kafka.local.folder import Folder
from streams.kafka.local.state import ProcessId, State


def test_a_process_is_known_by_its_id_and_its_start() -> None:
    own = ProcessId.of(os.getpid())
    reused = ProcessId(own.pid, own.created - 60)

    assert own.process() is not None
    assert reused.process() is None
    assert ProcessId(2**22 + 1, 0.0).process() is None


def test_a_state_is_read_back_and_a_broken_one_is_none(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.state.parent.mkdir(parents=True, exist_ok=True)
    own = ProcessId.of(os.getpid())
    state = State(9092, own, ProcessId(own.pid, 0.0), is_ready=True)

    before = State.read(folder)
    state.write(folder)
    written = State.read(folder)
    folder.state.write_text('{"port": 9092, "supervisor"')

    assert (before, written, State.read(folder)) == (None, state, None)
    assert (state.bootstrap, state.is_supervised) == ("127.0.0.1:9092", False)

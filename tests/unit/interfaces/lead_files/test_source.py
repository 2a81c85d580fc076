"""Files and pipes are opened, and a pipe is kept until all of it is there."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from streams.interfaces.lead_files.source import HEAD, InputError, open_input, source_of


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=str(path)):
            open_input(str(path))


def test_a_pipe_is_kept_in_a_nameless_file_of_this_user_alone() -> None:
    reading, writing = os.pipe()
    content = b"email\n" * 100_000

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    source, kept = source_of(reading, lambda: None)
    thread.join()

    status = os.fstat(kept)
    assert (stat.S_IMODE(status.st_mode), status.st_nlink) == (0o600, 0)
    assert b"".join(source.chunks()) == b"".join(source.chunks()) == content
    assert source.head() == content[:HEAD]
    os.close(kept)
    os.close(reading)


def test_what_is_appended_while_a_file_is_read_is_not_read_half(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(b"email\n")
    descriptor = open_input(str(path))
    source, _ = source_of(descriptor, lambda: None)

    with path.open("ab") as file:
        file.write(b"half a ro")

    assert b"".join(source.chunks()) == b"email\n"
    os.close(descriptor)


def test_reading_ends_when_it_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(b"x" * 1_000_000)
    descriptor = open_input(str(path))
    source, _ = source_of(descriptor, lambda: None)
    chunks = source.chunks()
    next(chunks)

    source.stop()

    assert (list(chunks), source.is_stopped) == ([], True)
    os.close(descriptor)

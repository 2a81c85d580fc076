"""Lines of any length from files and pipes."""

from __future__ import annotations

import os
import threading

from streams.interfaces.lead_files.leadfile import (
    BadLine,
    Row,
)
from streams.interfaces.lead_files.lines import LONGEST_LINE, Lines
from tests.support.lead_files import Read


def test_a_line_without_end_is_skipped_and_not_kept_in_memory(read: Read) -> None:
    content = b'{"email":"a@b.c"}\n' + b"x" * (LONGEST_LINE * 3) + b'\n{"email":"d@e.f"}\n'

    rows = read(content, "jsonl")

    assert [(row.line, type(row)) for row in rows] == [(1, Row), (2, BadLine), (3, Row)]


def test_reading_a_silent_pipe_can_be_stopped() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one\ntwo")
    lines = Lines(reading)
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.extend(lines))

    thread.start()
    lines.stop()
    thread.join(timeout=10)

    assert not thread.is_alive()
    assert b"two" not in got, "half a line is not a line"
    os.close(reading)
    os.close(writing)

"""Lines of any length from files and pipes."""

from __future__ import annotations

import os
import threading

from streams.interfaces.lead_files.lines import Lines
from streams.interfaces.lead_files.splitting import LONGEST_LINE


def test_a_line_without_end_is_skipped_and_not_kept_in_memory() -> None:
    reading, writing = os.pipe()
    content = b"one\n" + b"x" * (LONGEST_LINE * 3) + b"\ntwo\n"

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    lengths = [len(line) for line in Lines(reading)]
    thread.join()

    assert lengths == [4, LONGEST_LINE + 1, 4]
    os.close(reading)


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

"""Watch a process from outside: its resident memory, its open files, and how they grow."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Self

import psutil

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process."""

    at_s: float
    rss: int
    files: int


class Watch:
    """Looks at a process every `every` seconds, in a thread, until `with` ends."""

    def __init__(self, pid: int, *, every: float) -> None:
        self.samples: list[Sample] = []
        self._process = psutil.Process(pid)
        self._every = every
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        while not self._is_over.wait(self._every):
            with self._process.oneshot():
                sample = Sample(
                    time.monotonic() - began, self._process.memory_info().rss, self._process.num_fds()
                )
            self.samples.append(sample)


def slope(samples: list[Sample]) -> float:
    """Return the growth of resident memory in bytes per second, by least squares."""
    times = [sample.at_s for sample in samples]
    sizes = [float(sample.rss) for sample in samples]
    middle, mean = sum(times) / len(times), sum(sizes) / len(sizes)
    spread = sum((at - middle) ** 2 for at in times)
    return sum((at - middle) * (size - mean) for at, size in zip(times, sizes, strict=True)) / spread

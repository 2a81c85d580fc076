"""The installation under chaos: with load, and a lead that measures each recovery."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from tests.acceptance.judging import judged
from tests.acceptance.making import Mixture, as_event, mixture, person
from tests.acceptance.processes import Process
from tests.acceptance.stage import Published, Stage
from tests.acceptance.waiting import eventually
from tests.chaos.load import Load
from tests.chaos.servers import Broker

STARTS_WITHIN_S = 40.0
RECOVERS_WITHIN_S = 15.0
SETTLES_WITHIN_S = 150.0
"""More than the lease of a retry that was asked for and lost with its worker: 60 s."""
FIRST_PROBE = 500_000
PER_SECOND = 80.0
ANSWER_S = 0.05
"""Before each answer of mail server and webhook: there is always something on the wire."""
QUICK_RETRY = "[retry]\ndelays = [" + '"2s", ' * 60 + "]\n"
OPEN_RETRIES = "SELECT count(*) FROM letters WHERE status IN ('scheduled', 'replaying')"


class Rig(Stage):
    """A stage whose workers may reach their servers through proxies, under a steady load."""

    client_log_level = 0

    def __init__(self, broker: Broker, database: str, folder: Path, tell: Callable[[str], None]) -> None:
        super().__init__(broker.direct, database, folder)
        self.broker = broker
        self.tell = tell
        self.through: dict[str, str] = {}
        """Settings of the workers that differ from the stage's."""
        self.entry: tuple[str, ...] = ("streams.interfaces.cli.main",)
        self.made = Mixture()
        self.recoveries: list[float] = []
        """Seconds from each healing to the end of a lead that was published after it."""
        self._load: Load | None = None
        self._probes = 0

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self.through}

    def start_worker(self) -> Process:
        log = self.folder / f"worker{len(self.workers)}.log"
        worker = Process([*self.entry, "worker"], self.environment, log)
        self.workers.append(worker)
        return worker

    def begin(self, random: Random, *, workers: int, records: int, per_second: float = PER_SECOND) -> None:
        """Start everything, wait until the first lead is through, and begin the load."""
        self.made = mixture(records, random)
        self.mails.delay_s = self.webhooks.delay_s = ANSWER_S
        self.open(QUICK_RETRY)
        for _ in range(workers):
            self.start_worker()
        began = time.monotonic()
        self.probe(within=STARTS_WITHIN_S)
        self.tell(f"{workers} workers are up after {time.monotonic() - began:.1f} s")
        self.put_under_load(self.made.records[:records], per_second)

    def put_under_load(self, records: Sequence[Published], per_second: float) -> None:
        """Begin to publish; `end` waits for all of it."""
        self._load = Load(self, records, per_second)
        self._load.start()

    def finish_load(self) -> None:
        """Publish the rest of the load at once."""
        if self._load is not None:
            self._load.finish()
            self._load = None

    def probe(self, *, within: float) -> None:
        """Publish a lead and wait until its person is welcomed and its owner told."""
        number = FIRST_PROBE + self._probes
        self._probes += 1
        lead = person(number)
        record = as_event(number, lead)
        self.made.records.append(record)
        self.made.emails.append(str(lead["email"]))
        self.publish([record])
        marks = {self.mails.file: f'"{lead["email"]}"', self.webhooks.file: f'"lead-{number}"'}
        eventually(
            lambda: [
                file.name
                for file, mark in marks.items()
                if not file.exists() or mark.encode() not in file.read_bytes()
            ],
            lambda missing: not missing,
            within=within,
            every=0.1,
        )

    def recovered(self, healed: float, what: str) -> float:
        """Return the seconds since `healed` (monotonic) after which a new lead was through; fail after 15."""
        try:
            self.probe(within=RECOVERS_WITHIN_S - (time.monotonic() - healed))
        except AssertionError as error:
            logs = "\n".join(f"--- {worker.log.name}\n{worker.tail(15)}" for worker in self.workers)
            raise AssertionError(
                f"no recovery within {RECOVERS_WITHIN_S:.0f} s of {what}: {error}\n{logs}"
            ) from error
        seconds = time.monotonic() - healed
        self.recoveries.append(seconds)
        self.tell(f"{what}; a new lead was through {seconds:.1f} s after healing")
        return seconds

    def end(self, context: Mapping[str, object]) -> dict[str, Any]:
        """Publish the rest of the load, let everything settle and return the verdict, which is clean."""
        self.finish_load()
        began = time.monotonic()
        self.settle(within=SETTLES_WITHIN_S)
        eventually(
            lambda: self.count(OPEN_RETRIES), lambda open_: not open_, within=SETTLES_WITHIN_S, every=0.5
        )
        self.settle(within=SETTLES_WITHIN_S)
        self.tell(f"settled {time.monotonic() - began:.1f} s after the end of the load")
        return judged(self, self.made, context)

    def close(self) -> None:
        if self._load is not None:
            self._load.stop()
        super().close()

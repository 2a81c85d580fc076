"""This file is what happens in the demo, in its order: leads come in, the mail server goes away and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaProducer

from actions.send_welcome_email import send_welcome_email
from streams.clock import now
from streams.interfaces.common.output import plural
from streams.interfaces.demo.children import Child, Children
from streams.interfaces.demo.place import DemoFolder
from streams.interfaces.demo.publishing import Published, publish
from streams.interfaces.demo.samples import Sample
from streams.interfaces.demo.showing import Show
from streams.interfaces.demo.totals import tell
from streams.interfaces.demo.watching import Watcher
from streams.operations.pause_sync import heard_since_us
from streams.store import letters, pauses
from streams.store.engine import Database
from streams.store.letters import OPEN, REPLAYING, SCHEDULED
from topics.events import (
    ContactUpserted,
    Event,
    LeadAssigned,
    LeadMatched,
    LeadRejected,
    LeadValidated,
    LeadWelcomed,
    OwnerNotified,
)

LOOK_S = 0.2
STALLED_S = 90.0
"""Without any news for so long, more than the longest wait of the demo's leads.toml, something is wrong."""
FIRST_PART = 0.4
"""Of the leads: come in while the mail server is there."""
_SHOWN: dict[str, type[Event]] = {
    "validated": LeadValidated,
    "rejected": LeadRejected,
    "matched": LeadMatched,
    "upserted": ContactUpserted,
    "assigned": LeadAssigned,
    "welcomed": LeadWelcomed,
    "notified": OwnerNotified,
}


@dataclass(slots=True)
class Stage:
    """What the scenes play with."""

    children: Children
    folder: DemoFolder
    worker: Child
    mail_server: Child
    mail_port: int
    producer: AIOKafkaProducer
    watcher: Watcher
    database: Database
    group: str
    topic: str
    show: Show
    mails_before: int
    letters_before: int
    records: list[Published] = field(default_factory=list)
    mails_late: int = 0
    """Sent after the mail server was back."""

    async def play(self, samples: Sequence[Sample]) -> None:
        """Publish all and follow each to its end. Raises `CommandError` when something stands still or ends."""
        first = samples[: int(len(samples) * FIRST_PART)]
        self.show.say(f"Publishing {plural(len(first), 'record')}; the mail server is there.")
        self.records += await publish(self.producer, self.topic, first)
        await self._until(lambda: all(self._fate_is_known(record) for record in self.records))
        self.mail_server.stop()
        rest = samples[len(first) :]
        self.show.say(
            f"The mail server has stopped. Publishing {plural(len(rest), 'more record')} all the same."
        )
        self.records += await publish(self.producer, self.topic, rest)
        await self._until(self._all_but_mails_are_done)
        # Counted where a person would: what has no mail yet has a letter with a time, or its step pauses.
        await self._until(lambda: self._scheduled() >= self._without_mail() or self._is_paused())
        if waiting := self._without_mail():
            owed = plural(waiting, "lead waits for its", "leads wait for their")
            self.show.say(f"All else is done, the owners are told; {owed} welcome, {self._put_off(waiting)}.")
        else:
            self.show.say("Nobody needed a mail: whoever is known was welcomed before.")
        mails = lines_of(self.folder.mails)
        self.mail_server = self.children.mail_server(self.folder.mails, self.mail_port)
        await self.mail_server.port()
        after = "; what waits goes on by itself." if waiting else "."
        self.show.say(f"The mail server is back{after}")
        await self._until(lambda: all(self._fate_is_known(record) for record in self.records))
        await self._until(self._database_agrees)
        self.mails_late = lines_of(self.folder.mails) - mails
        self.show.say("Every record has come to its end.")

    def _fate_is_known(self, record: Published) -> bool:
        return self.watcher.seen.fate(record) != "waiting"

    def _all_but_mails_are_done(self) -> bool:
        seen = self.watcher.seen
        return all(
            self._fate_is_known(record) or seen.waits_for_mail_alone(record) for record in self.records
        )

    def _without_mail(self) -> int:
        runs = {record.run for record in self.records if not self._fate_is_known(record)}
        return len(runs)

    def _scheduled(self) -> int:
        by_status = self.database.transact(letters.counts)
        return by_status.get(SCHEDULED, 0) + by_status.get(REPLAYING, 0)

    def _put_off(self, waiting: int) -> str:
        put_off = self._scheduled()
        if put_off >= waiting:
            return "as letters with a due time"
        return f"{put_off:,} as letters with a due time and the others in their topic, as the step pauses"

    def _is_paused(self) -> bool:
        since = heard_since_us(now())
        rows = self.database.transact(lambda connection: pauses.all_of(connection, since))
        return any(row.step == send_welcome_email.__name__ for row in rows)

    def _database_agrees(self) -> bool:
        told = self.database.transact(lambda connection: tell(connection, self.records, self.group))
        return all(item.is_done for item in told) and not self._scheduled()

    async def _until(self, is_reached: Callable[[], bool]) -> None:
        shown: dict[str, int] = {}
        changed = time.monotonic()
        while True:
            await self.watcher.look(LOOK_S)
            counts = self.counts()
            self.show.update(counts)
            if counts != shown:
                shown, changed = counts, time.monotonic()
            if is_reached():
                return
            if not self.worker.is_running:
                raise self.worker.failure("ended by itself")
            if time.monotonic() - changed > STALLED_S:
                raise self.worker.failure(f"has not got on for {STALLED_S:.0f} s")

    def counts(self) -> dict[str, int]:
        """Count what is shown while it runs."""
        seen = self.watcher.seen
        by_status = self.database.transact(letters.counts)
        return {
            "received": len(self.records),
            **{name: seen.count(event.type) for name, event in _SHOWN.items()},
            "open letters": sum(by_status.get(status, 0) for status in OPEN) - self.letters_before,
            "mails": lines_of(self.folder.mails) - self.mails_before,
        }


def lines_of(journal: Path) -> int:
    """Count the lines of a journal; none when it is not there."""
    return journal.read_bytes().count(b"\n") if journal.exists() else 0

"""This file reads what came of the records from Kafka alone: the results and letters that any consumer sees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.interfaces.demo.publishing import Published
from streams.kafka.address import KafkaAddress
from streams.onboarding import ONBOARDING
from topics.events import EVENTS, LeadReceived, LeadRejected, LeadWelcomed, OwnerNotified
from topics.letter import DeadLetter, LetterError
from topics.registry import MIB, TopicNames

Fate = Literal["onboarded", "rejected", "letter", "waiting"]
"""What became of a record. `letter`: an open one that waits for a person; one that will be retried is `waiting`."""

_ENTRY = next(iter(ONBOARDING.reading(LeadReceived))).action.kebab
"""The action that reads what is published."""


@dataclass(slots=True)
class Seen:
    """What stands in the topics since the demo began to read them."""

    results: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """By event type: run by event id, so that a result that was stated again counts once."""
    runs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By event type: the runs that have such a result."""
    at_entry: dict[tuple[str, int, int], DeadLetter] = field(default_factory=dict)
    """Letters of records as they were published, by position."""
    later: dict[str, dict[str, DeadLetter]] = field(default_factory=lambda: defaultdict(dict))
    """Letters of later actions: by run, the latest of each action."""

    def take(self, topic_type: str | None, headers: Iterable[tuple[str, bytes | None]]) -> None:
        """Take a record in: a result of this type, or (None) a letter."""
        listed = list(headers)
        attributes = {name: value.decode(errors="replace") for name, value in listed if value is not None}
        run = attributes.get("ce_correlationid", "")
        if topic_type is not None:
            self.results[topic_type][attributes["ce_id"]] = run
            self.runs[topic_type].add(run)
            return
        try:
            letter = DeadLetter.from_headers(listed)
        except LetterError:
            return  # somebody else wrote there; the worker logs it
        if letter.action == _ENTRY:
            self.at_entry[letter.topic, letter.partition, letter.offset] = letter
        else:
            known = self.later[run].get(letter.action)
            if known is None or known.generation <= letter.generation:
                self.later[run][letter.action] = letter

    def fate(self, record: Published) -> Fate:
        """Tell what became of a record."""
        if record.position in self.at_entry:
            return "letter"
        run = record.run
        if run is None:
            return "waiting"
        if run in self.runs[LeadRejected.type]:
            return "rejected"
        if run in self.runs[LeadWelcomed.type] and run in self.runs[OwnerNotified.type]:
            return "onboarded"
        return "letter" if self.is_parked(run) else "waiting"

    def is_parked(self, run: str) -> bool:
        """Whether an action of the run failed for good, as far as a program can tell."""
        stated = {"send-welcome-email": LeadWelcomed.type, "notify-owner": OwnerNotified.type}
        return any(
            letter.next_attempt is None and run not in self.runs.get(stated.get(action, ""), ())
            for action, letter in self.later.get(run, {}).items()
        )

    def waits_for_mail_alone(self, record: Published) -> bool:
        """Whether all is done but the mail: it has a letter that says when it is tried again, or its step pauses."""
        return (record.run or "") in self.runs[OwnerNotified.type]

    def count(self, event_type: str) -> int:
        """Count the results of this type."""
        return len(self.results[event_type])


class Watcher:
    """A consumer without a group, from where the topics ended when it started: it disturbs nobody."""

    def __init__(self, address: KafkaAddress, names: TopicNames, partitions: int) -> None:
        """Take where to read, and how many partitions each topic has."""
        self.seen = Seen()
        self._partitions = partitions
        self._consumer = AIOKafkaConsumer(
            **address.client_options(), max_partition_fetch_bytes=3 * MIB, enable_auto_commit=False
        )
        self._types: Mapping[str, str | None] = {
            **{names.of(event): event.type for event in EVENTS if event is not LeadReceived},
            names.letters: None,
        }
        self._received = names.of(LeadReceived)
        self._ends: dict[Any, int] = {}

    async def start(self) -> None:
        """Stand at the ends of the topics. Raises a Kafka error."""
        await self._consumer.start()
        self._ends = await self._consumer.end_offsets(self._places([self._received]))
        places = self._places(self._types)
        ends = await self._consumer.end_offsets(places)
        self._consumer.assign(places)
        for place, offset in ends.items():
            self._consumer.seek(place, offset)

    def _places(self, topics: Iterable[str]) -> list[Any]:
        return [TopicPartition(topic, number) for topic in topics for number in range(self._partitions)]

    async def look(self, within_s: float) -> int:
        """Take in what is new; waits so long for the first of it. Gives back how many records it were."""
        batches = await self._consumer.getmany(timeout_ms=int(within_s * 1000))
        number = 0
        for place, records in batches.items():
            for record in records:
                self.seen.take(self._types[place.topic], record.headers)
                number += 1
        return number

    async def received(self) -> int:
        """Count the records that the broker took on the public topic since `start`, whoever published them."""
        ends = await self._consumer.end_offsets(list(self._ends))
        return sum(ends[place] - offset for place, offset in self._ends.items())

    async def stop(self) -> None:
        """Close the connections."""
        await self._consumer.stop()

"""Reads a batch of records: a valid one becomes an execution, any other a dead letter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from streams.engine.event_cache import EventCache
from streams.engine.execution import DeadLettered, Execution, Source
from streams.engine.failures import TAMPERED, Failure, failure_of, write_letter
from streams.workflow import RetryPolicy, Step, Workflow
from topics.decode import Position, Record, decode
from topics.failures import DecodeError
from topics.letter import DeadLetter, LetterError, sha256_of, without_letter


@dataclass(slots=True)
class Reading:
    """What a batch was read into."""

    executions: list[Execution] = field(default_factory=list)
    letters: list[DeadLettered] = field(default_factory=list)
    skipped: int = 0
    """Number of events of another workflow, or of an action that was run alone: no step here follows them."""


class _Target(NamedTuple):
    """Which action a record is for, and the letter it replays."""

    action: str
    version: int
    request: DeadLetter | None = None
    retry: RetryPolicy = RetryPolicy()


class Reader:
    """Reads records for one workflow and consumer group."""

    def __init__(self, workflow: Workflow, group: str, own: EventCache) -> None:
        """Take what letters name (the group, and the workflow's steps), and the cache of the worker's own events."""
        self._workflow = workflow
        self._group = group
        self._own = own

    def read_events(self, step: Step, records: Iterable[Record], now: datetime) -> Reading:
        """Read records of the step's own topic. Letter headers are ignored there, as any publisher may set them."""
        reading = Reading()
        target = _Target(step.action.kebab, step.action.version, None, step.retry)
        for record in records:
            source = Source(Position.of(record), record.key, record.value, list(record.headers))
            self._read(step, source, target, reading, now)
        return reading

    def read_requests(self, records: Iterable[Record], now: datetime) -> Reading:
        """Read records of the requests topic: each names its action, and where it was first consumed."""
        reading = Reading()
        for record in records:
            headers = list(record.headers)
            try:
                request = DeadLetter.from_headers(headers)
            except LetterError as error:
                source = Source(Position.of(record), record.key, record.value, headers)
                self._letter(_bad_request(str(error)), source, _Target("unknown", 0), reading, now)
                continue
            position = Position(request.topic, request.partition, request.offset, request.timestamp)
            source = Source(position, record.key, record.value, without_letter(headers))
            target = _Target(request.action, request.action_version, request)
            try:
                step = self._workflow.step(request.action)
            except KeyError as error:
                failure = Failure("invalid", "UNKNOWN_ACTION", "decode", str(error.args[0]))
                self._letter(failure, source, target, reading, now)
                continue
            if request.value_sha256 != sha256_of(record.value):
                self._letter(TAMPERED, source, target, reading, now)
                continue
            target = _Target(step.action.kebab, step.action.version, request, step.retry)
            self._read(step, source, target, reading, now)
        return reading

    def _read(self, step: Step, source: Source, target: _Target, reading: Reading, now: datetime) -> None:
        try:
            decoded = self._own.find(source.value, source.headers, step.reads)
            if decoded is None:
                decoded = decode(source.value, source.headers, step.reads, source.position)
        except DecodeError as error:
            self._letter(failure_of(error), source, target, reading, now)
            return
        # A request runs its action, whichever workflow the event belongs to: otherwise its letter stays open for ever.
        is_ours = step.reads.is_public or decoded.envelope.workflow == self._workflow.name
        if not is_ours and target.request is None:
            reading.skipped += 1
            return
        reading.executions.append(Execution(source, step, decoded, target.request))

    def _letter(
        self, failure: Failure, source: Source, target: _Target, reading: Reading, now: datetime
    ) -> None:
        letter = write_letter(
            failure,
            source=source,
            action=target.action,
            action_version=target.version,
            attempts=1,
            request=target.request,
            retry=target.retry,
            group=self._group,
            now=now,
        )
        reading.letters.append(DeadLettered(source, letter, is_new=True))


def _bad_request(why: str) -> Failure:
    return Failure(
        "invalid", "BAD_REQUEST", "decode", f"{why}; ask for a replay with `leads dead-letters replay`"
    )

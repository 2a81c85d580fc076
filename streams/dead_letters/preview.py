"""This file previews replays: today's code runs on the current store, and nothing it does is written or goes out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson
from sqlalchemy.engine import Connection

from actions.ports import Contacts, Effects, Roster
from streams.assembly import Adapters
from streams.dead_letters.prediction import Prediction, Verdict
from streams.dead_letters.recording import (
    PreviewContacts,
    PreviewEffects,
    PreviewPort,
    PreviewRoster,
    UnpredictableError,
)
from streams.ports import Transactional, calls_outside, envelope_argument
from streams.processing.failures import TAMPERED, failure_of
from streams.processing.memory import Scribe
from streams.processing.own_events import OwnEvents
from streams.processing.reading import Reader
from streams.processing.staleness import skipped
from streams.processing.transaction import Clock, checked, drive, not_to_run
from streams.processing.work import Outcome, Stated, Work, to_us
from streams.retries import request
from streams.store import ledger, letters, pauses
from streams.store.engine import Database
from streams.store.ledger import LedgerRow
from streams.store.letters import GONE, LetterRow
from streams.workflow import Step, Workflow
from topics.envelope import Headers
from topics.events import Event
from topics.letter import DeadLetter
from topics.registry import TopicNames

AT_ONCE = 200
"""Letters read at once: each brings its whole record along."""


class _Asked(NamedTuple):
    """A request as a worker would read it from its topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Preview:
    """Previews letters for one workflow.

    The letters are taken in the order given, and each sees what those before it would have changed: that is staged in
    memory, over one snapshot of the store. What a preview remembers grows with the contacts it touches.
    """

    def __init__(
        self,
        workflow: Workflow,
        found: Adapters,
        *,
        database: Database,
        names: TopicNames,
        group: str,
        clock: Clock,
    ) -> None:
        """Take what a worker takes. Raises `PortError` when an action asks for a port that nothing answers."""
        found.ports.check(workflow)
        self._workflow = workflow
        self._found = found
        self._database = database
        self._names = names
        self._group = group
        self._clock = clock

    def of(
        self, ids: Sequence[str], *, stale: Literal["run", "skip"] | None = None
    ) -> Iterator[tuple[LetterRow, Prediction]]:
        """Give each letter that is there, in this order, with what its replay would do now.

        `stale` is what a person wants of events that are too old for their actions.

        Raises `StoreUnavailableError`. The store is read at the moment of the first one; end or close the iterator to
        let that go.
        """
        with self._database.snapshot() as connection:
            stage = _Stage(connection, self._workflow, self._found, Scribe(self._group))
            reader = Reader(self._workflow, self._group, OwnEvents({}))
            cancelled = pauses.cancelled(connection)
            for start in range(0, len(ids), AT_ONCE):
                part = ids[start : start + AT_ONCE]
                found = {row.letter.id: row for row in letters.get(connection, part)}
                rows = [found[letter_id] for letter_id in part if letter_id in found]
                asked = [self._asked(row, stale) for row in rows]
                yield from self._chunk(stage, reader, rows, asked, cancelled)

    def _chunk(
        self,
        stage: _Stage,
        reader: Reader,
        rows: Sequence[LetterRow],
        asked: Sequence[_Asked],
        cancelled: Collection[str],
    ) -> Iterator[tuple[LetterRow, Prediction]]:
        now = self._clock()
        readings = [reader.read_requests([each], now) for each in asked]
        stage.expect([work for reading in readings for work in reading.works])
        for row, reading in zip(rows, readings, strict=True):
            if row.status in GONE:
                said = f"its record is not kept any more: the letter is {row.status}"
                yield row, replace(_failing(row, row.letter, "gone"), code="RECORD_GONE", message=said)
            elif reading.works:
                yield row, stage.run(row, reading.works[0], now, cancelled)
            else:
                letter = reading.letters[0].letter
                yield row, _failing(row, letter, _unread(letter.code))

    def _asked(self, row: LetterRow, stale: Literal["run", "skip"] | None) -> _Asked:
        out = request(replace(row, letter=replace(row.letter, stale=stale)), self._names)
        return _Asked(out.topic, 0, 0, row.letter.timestamp, out.key, out.value, out.headers)


def _unread(code: str) -> Verdict:
    if code == TAMPERED.code:
        return "tampered"
    return "unknown-action" if code == "UNKNOWN_ACTION" else "unreadable"


class _Stage:
    """What the letters so far would have left behind, and the ports over it."""

    def __init__(self, connection: Connection, workflow: Workflow, found: Adapters, scribe: Scribe) -> None:
        self._connection = connection
        self._workflow = workflow
        self._found = found
        self._scribe = scribe
        self._effects = PreviewEffects(connection)
        self._ledger: dict[bytes, LedgerRow] = {}
        self._events: list[Event] = []
        self._by_step: dict[str, list[Event]] = {}
        self._contacts: PreviewContacts | None = None
        self._staged: list[Transactional] = []
        self._ports: dict[type, object] = {
            port: PreviewPort(port.__name__, adapter, self._effects)
            for port, adapter in found.ports.shared.items()
        }
        for port, open_ in found.ports.transactional.items():
            adapter: Any = open_(connection, self._events)
            if port is Roster:
                adapter = PreviewRoster(connection, adapter)
            self._staged.append(adapter)
            if port is Contacts:
                adapter = self._contacts = PreviewContacts(adapter)
            self._ports[port] = adapter

    def expect(self, works: Sequence[Work]) -> None:
        """Read what these will ask for in few queries."""
        known = ledger.find(self._connection, (work.ledger_id for work in works))
        self._ledger = known | self._ledger
        self._by_step = {}
        for work in works:
            self._by_step.setdefault(work.step.name, []).append(work.event)

    def run(self, row: LetterRow, work: Work, now: datetime, cancelled: Collection[str]) -> Prediction:
        remembered = self._ledger.get(work.ledger_id)
        recalled = None if remembered is None else self._scribe.recall(work, remembered, now)
        if recalled is not None:
            return self._recalled(row, work, recalled)
        refused = not_to_run(work, now, cancelled)
        if refused is not None:
            self._ledger[work.ledger_id], letter = self._scribe.failed(work, refused, 0, now)
            return _failing(row, letter)
        self._events[:] = self._by_step[work.step.name]
        self._effects.begin(work, to_us(now), may_repeat=self._found.repeats.get(work.step.name, False))
        if self._contacts is not None:
            self._contacts.changes = []
        try:
            event = skipped(work, now) or self._call(work)
            done = self._scribe.succeeded(work, event, 0, now)
        except UnpredictableError as error:
            self._end(is_kept=False)
            return replace(_about(row, work, "cannot-say"), message=str(error))
        except Exception as error:  # noqa: BLE001 - whatever an action raises becomes a letter
            self._end(is_kept=False)
            self._ledger[work.ledger_id], letter = self._scribe.failed(work, failure_of(error), 0, now)
            return replace(_failing(row, letter), calls=list(self._effects.calls))
        self._end(is_kept=True)
        self._ledger[work.ledger_id] = done
        return self._resolving(row, work, event)

    def _call(self, work: Work) -> Event:
        action = work.step.action
        arguments: dict[str, Any] = {
            name: self._effects if port is Effects else self._ports[port]
            for name, port in action.ports.items()
        }
        running: Any = action.function(work.event, **arguments, **envelope_argument(action, work.envelope))
        if not calls_outside(work.step):
            return checked(work.step, drive(running))
        try:
            running.send(None)
        except StopIteration as stop:
            return checked(work.step, stop.value)
        running.close()
        raise UnpredictableError(
            "the action waits for something that is no port, which only a real run can answer"
        )

    def _end(self, *, is_kept: bool) -> None:
        for adapter in self._staged:
            if is_kept:
                adapter.keep()
            else:
                adapter.drop()
        self._effects.end(is_kept=is_kept)

    def _resolving(self, row: LetterRow, work: Work, event: Event) -> Prediction:
        owner = getattr(event, "owner", None)
        calls = list(self._effects.calls)
        goes_out = any(call.state != "held" for call in calls)
        return replace(
            _about(row, work, "would-resolve"),
            event=event.type,
            outcome=getattr(event, "outcome", None),
            changes=[] if self._contacts is None else self._contacts.changes,
            owner=None if owner is None else owner.id,
            is_new_owner=getattr(event, "strategy", None) == "round-robin",
            calls=calls,
            needs=self._found.ports.dependencies_of(work.step.action) if goes_out else (),
            then=self._then(work.step, event.type),
        )

    def _recalled(self, row: LetterRow, work: Work, outcome: Outcome) -> Prediction:
        if not isinstance(outcome, Stated):
            return _failing(row, outcome.letter)
        said = orjson.loads(outcome.row.result or b"{}").get("outcome")
        return replace(_about(row, work, "noop"), event=outcome.row.result_type, outcome=said)

    def _then(self, step: Step, event_type: str) -> list[str]:
        stated = next(event for event in step.states if event.type == event_type)
        return [following.action.kebab for following in self._workflow.reading(stated)]


def _about(row: LetterRow, work: Work, verdict: Verdict) -> Prediction:
    action = work.step.action
    return Prediction(row.letter.id, row.lead_id, action.kebab, action.version, verdict, work.result_id)


def _failing(row: LetterRow, letter: DeadLetter, verdict: Verdict = "would-fail-again") -> Prediction:
    return Prediction(
        row.letter.id,
        row.lead_id,
        letter.action,
        letter.action_version,
        verdict,
        failure_class=letter.failure_class,
        code=letter.code,
        message=letter.message,
    )

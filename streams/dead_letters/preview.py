"""Previews replays: today's code runs on the current store, and nothing is written or sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy.engine import Connection

from actions.ports import Contacts, Effects, Roster
from streams.chunks import chunked
from streams.clock import to_us
from streams.dead_letters.plan import Stale
from streams.dead_letters.prediction import PredictedVerdict, Prediction
from streams.dead_letters.preview_ports import (
    PreviewContacts,
    PreviewEffects,
    PreviewPort,
    PreviewRoster,
    UnpredictableError,
)
from streams.dead_letters.retries import request
from streams.engine.announcing import Announcer
from streams.engine.event_cache import EventCache
from streams.engine.execution import Execution, Outcome, Succeeded
from streams.engine.failures import TAMPERED, Failure, failure_of
from streams.engine.installation import Installation
from streams.engine.ledger_entries import LedgerWriter
from streams.engine.reading import Reader
from streams.engine.staleness import skipped
from streams.engine.transaction import checked, drive, skip_failure
from streams.store import ledger, letters, pauses
from streams.store.ledger import LedgerRow
from streams.store.letters import GONE, LetterRow
from streams.workflow import Transactional, calls_outside, envelope_argument
from topics.envelope import Headers, parse_timestamp
from topics.events import Event
from topics.letter import DeadLetter
from topics.writing import as_json

BATCH_SIZE = 200
"""Letters per query; each is read with its whole record."""


class Preview:
    """Previews letters of one installation.

    Letters are previewed in the given order over one snapshot of the store. Each sees the changes of those before it,
    which are staged in memory; that memory grows with the number of contacts.
    """

    def __init__(self, installation: Installation) -> None:
        """Raise `PortError` when an action asks for a port without an adapter."""
        installation.adapters.ports.check(installation.workflow)
        self._installation = installation

    def of(self, ids: Sequence[str], *, stale: Stale | None = None) -> Iterator[tuple[LetterRow, Prediction]]:
        """Yield each existing letter, in this order, with what its replay would do now.

        `stale` is the decision about events that are too old for their actions.

        The snapshot is taken at the first letter; exhaust or close the iterator to release it. Raise
        `StoreUnavailableError`.
        """
        installation = self._installation
        with installation.database.snapshot() as connection:
            runner = PreviewRunner(connection, installation)
            reader = Reader(installation.workflow, installation.group, EventCache({}))
            cancelled = pauses.cancelled(connection)
            for part in chunked(ids, BATCH_SIZE):
                by_id = {row.letter.id: row for row in letters.get(connection, part)}
                rows = [by_id[letter_id] for letter_id in part if letter_id in by_id]
                asked = [self._asked(row, stale) for row in rows]
                yield from self._batch(runner, reader, rows, asked, cancelled, stale)

    def _batch(
        self,
        runner: PreviewRunner,
        reader: Reader,
        rows: Sequence[LetterRow],
        asked: Sequence[Asked],
        cancelled: Collection[str],
        stale: Stale | None,
    ) -> Iterator[tuple[LetterRow, Prediction]]:
        now = self._installation.clock()
        readings = [reader.read_requests([each], now) for each in asked]
        runner.expect([execution for reading in readings for execution in reading.executions])
        for row, reading in zip(rows, readings, strict=True):
            if row.status in GONE:
                message = f"its record is not kept any more: the letter is {row.status}"
                yield row, replace(_failing(row, row.letter, "gone"), code="RECORD_GONE", message=message)
            elif reading.executions:
                execution = reading.executions[0]
                prediction = runner.run(row, execution, now, cancelled)
                # Downstream events are new, so only the letter knows how long the lead was held up.
                late = None if stale == "run" else runner.late(prediction, row.letter.first_time, now)
                yield row, replace(prediction, late=late)
            else:
                letter = reading.letters[0].letter
                yield row, _failing(row, letter, _unreadable_verdict(letter.code))

    def _asked(self, row: LetterRow, stale: Stale | None) -> Asked:
        out = request(replace(row, letter=replace(row.letter, stale=stale)), self._installation.topics)
        return Asked(out.topic, 0, 0, row.letter.timestamp, out.key, out.value, out.headers)


class Asked(NamedTuple):
    """Record as a worker would read it from its topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class PreviewRunner:
    """Runs the actions of letters over staged changes, which it keeps for the letters after them."""

    def __init__(self, connection: Connection, installation: Installation) -> None:
        """Read through this connection; nothing is written."""
        workflow, group = installation.workflow, installation.group
        self._connection = connection
        self._workflow = workflow
        self._adapters = installation.adapters
        self._ledger_writer = LedgerWriter(group)
        self._reader = Reader(workflow, group, EventCache({}))
        self._announcer = Announcer(installation.topics, workflow.name, EventCache({}))
        self._effects = PreviewEffects(connection, installation.adapters.ports.key_of_phone)
        self._known: dict[bytes, LedgerRow] = {}
        self._done: dict[bytes, LedgerRow] = {}
        """Ledger rows that earlier letters would have left; downstream steps need none, as no letter asks for them."""
        self._events: list[Event] = []
        self._by_step: dict[str, list[Event]] = {}
        self._contacts: PreviewContacts | None = None
        self._staged: list[Transactional] = []
        self._ports: dict[type, object] = {
            port: PreviewPort(port.__name__, adapter, self._effects)
            for port, adapter in self._adapters.ports.shared.items()
        }
        for port, open_ in self._adapters.ports.transactional.items():
            adapter: Any = open_(connection, self._events)
            if port is Roster:
                adapter = PreviewRoster(connection, adapter)
            self._staged.append(adapter)
            if port is Contacts:
                adapter = self._contacts = PreviewContacts(adapter)
            self._ports[port] = adapter

    def expect(self, executions: Sequence[Execution]) -> None:
        """Read the ledger rows of these executions in a few queries."""
        self._known = ledger.find(self._connection, (execution.ledger_id for execution in executions))
        self._by_step = {}
        for execution in executions:
            self._by_step.setdefault(execution.step.name, []).append(execution.event)

    def run(
        self, row: LetterRow, execution: Execution, now: datetime, cancelled: Collection[str]
    ) -> Prediction:
        """Return what this execution and its downstream steps would do."""
        entry = self._done.get(execution.ledger_id) or self._known.get(execution.ledger_id)
        recorded = None if entry is None else self._ledger_writer.recorded_outcome(execution, entry, now)
        if recorded is not None:
            return self._recorded(row, execution, recorded)
        refused = skip_failure(execution, now, cancelled)
        if refused is not None:
            return _failing(row, self._failed(execution, refused, now))
        self._events[:] = self._by_step.get(execution.step.name) or [execution.event]
        self._effects.begin(
            execution, to_us(now), may_repeat=self._adapters.ports.may_repeat(execution.step.action)
        )
        if self._contacts is not None:
            self._contacts.changes = []
        try:
            event = skipped(execution, now) or self._call(execution)
            done = self._ledger_writer.succeeded(execution, event, 0, now)
        except UnpredictableError as error:
            self._end(is_kept=False)
            return replace(_about(row, execution, "cannot-say"), message=str(error))
        except Exception as error:  # noqa: BLE001 - whatever an action raises becomes a letter
            self._end(is_kept=False)
            letter = self._failed(execution, failure_of(error), now)
            return replace(_failing(row, letter), calls=list(self._effects.calls))
        self._end(is_kept=True)
        if execution.request is not None:
            outcome = as_json({"outcome": getattr(event, "outcome", None)})
            self._done[execution.ledger_id] = done._replace(
                result=outcome
            )  # kept small: there may be 100,000
        prediction = self._resolving(row, execution, event)
        return replace(
            prediction, following=self._following(row, Succeeded(execution, done, event), now, cancelled)
        )

    def late(self, prediction: Prediction, first_time: str, now: datetime) -> str | None:
        """Return the downstream action that would call outside later than its `max_age` after the first failure."""
        age = now - parse_timestamp(first_time)
        for each in prediction.following:
            max_age = self._workflow.step(each.action).action.max_age
            is_calling = any(call.state != "held" for call in each.calls)
            if max_age is not None and age > max_age and is_calling:
                return each.action
        return None

    def _following(
        self, row: LetterRow, result: Succeeded, now: datetime, cancelled: Collection[str]
    ) -> list[Prediction]:
        """Run the actions that would read this event, as workers will, and those after them."""
        out = self._announcer.outgoing(result)
        record = Asked(out.topic, 0, 0, int(now.timestamp() * 1000), out.key, out.value, out.headers)
        predictions: list[Prediction] = []
        for step in self._workflow.reading(type(result.event)) if result.event is not None else ():
            for execution in self._reader.read_events(step, [record], now).executions:
                self._known |= ledger.find(self._connection, [execution.ledger_id])
                step_result = self.run(row, execution, now, cancelled)
                verdict = step_result.verdict
                if verdict == "would-fail-again":
                    verdict = "would-fail"
                predictions += [replace(step_result, verdict=verdict, following=()), *step_result.following]
        return predictions

    def _failed(self, execution: Execution, failure: Failure, now: datetime) -> DeadLetter:
        row, letter = self._ledger_writer.failed(execution, failure, 0, now)
        if execution.request is not None:
            self._done[execution.ledger_id] = row
        return letter

    def _call(self, execution: Execution) -> Event:
        action = execution.step.action
        arguments: dict[str, Any] = {
            name: self._effects if port is Effects else self._ports[port]
            for name, port in action.ports.items()
        }
        running: Any = action.function(
            execution.event, **arguments, **envelope_argument(action, execution.envelope)
        )
        if not calls_outside(execution.step):
            return checked(execution.step, drive(running))
        try:
            running.send(None)
        except StopIteration as stop:
            return checked(execution.step, stop.value)
        running.close()
        raise UnpredictableError(
            "the action awaits something that is not a port, which only a real run can answer"
        )

    def _end(self, *, is_kept: bool) -> None:
        for adapter in self._staged:
            if is_kept:
                adapter.keep()
            else:
                adapter.drop()
        self._effects.end(is_kept=is_kept)

    def _resolving(self, row: LetterRow, execution: Execution, event: Event) -> Prediction:
        owner = getattr(event, "owner", None)
        calls = list(self._effects.calls)
        goes_out = any(call.state != "held" for call in calls)
        return replace(
            _about(row, execution, "would-resolve"),
            event=event.type,
            outcome=getattr(event, "outcome", None),
            contact_key=getattr(event, "contact_key", None) or execution.contact_key,
            changes=[] if self._contacts is None else self._contacts.changes,
            owner=None if owner is None else owner.id,
            is_new_owner=getattr(event, "strategy", None) == "round-robin",
            calls=calls,
            needs=self._adapters.ports.dependencies_of(execution.step.action) if goes_out else (),
        )

    def _recorded(self, row: LetterRow, execution: Execution, outcome: Outcome) -> Prediction:
        if not isinstance(outcome, Succeeded):
            return _failing(row, outcome.letter)
        result = orjson.loads(outcome.row.result or b"{}")
        return replace(
            _about(row, execution, "noop"), event=outcome.row.result_type, outcome=result.get("outcome")
        )


def _about(row: LetterRow, execution: Execution, verdict: PredictedVerdict) -> Prediction:
    """Return the prediction with what is known before an execution runs."""
    action = execution.step.action
    return Prediction(row.letter.id, row.lead_id, action.kebab, action.version, verdict, execution.result_id)


def _failing(
    row: LetterRow, letter: DeadLetter, verdict: PredictedVerdict = "would-fail-again"
) -> Prediction:
    """Return the prediction of a failure that would make this letter."""
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


def _unreadable_verdict(code: str) -> PredictedVerdict:
    if code == TAMPERED.code:
        return "tampered"
    return "unknown-action" if code == "UNKNOWN_ACTION" else "unreadable"

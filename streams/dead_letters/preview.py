"""Previews of replays: today's code runs on the current store, and nothing it does is written or goes out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from streams.dead_letters.prediction import Prediction, Verdict
from streams.dead_letters.preview_runner import Asked, PreviewRunner, failing
from streams.dead_letters.retries import request
from streams.engine.event_cache import EventCache
from streams.engine.failures import TAMPERED
from streams.engine.installation import Installation
from streams.engine.reading import Reader
from streams.store import letters, pauses
from streams.store.letters import GONE, LetterRow

AT_ONCE = 200
"""Letters read at once: each brings its whole record along."""


class Preview:
    """Previews letters of one installation.

    The letters are taken in the order given, and each sees what those before it would have changed: that is staged in
    memory, over one snapshot of the store. What a preview remembers grows with the contacts it touches.
    """

    def __init__(self, installation: Installation) -> None:
        """Raise `PortError` when an action asks for a port that nothing answers."""
        installation.adapters.ports.check(installation.workflow)
        self._installation = installation

    def of(
        self, ids: Sequence[str], *, stale: Literal["run", "skip"] | None = None
    ) -> Iterator[tuple[LetterRow, Prediction]]:
        """Yield each letter that is there, in this order, with what its replay would do now.

        `stale` is what a person wants of events that are too old for their actions.

        Raise `StoreUnavailableError`. The store is read at the moment of the first one; end or close the iterator to
        let that go.
        """
        installation = self._installation
        with installation.database.snapshot() as connection:
            runner = PreviewRunner(connection, installation)
            reader = Reader(installation.workflow, installation.group, EventCache({}))
            cancelled = pauses.cancelled(connection)
            for start in range(0, len(ids), AT_ONCE):
                part = ids[start : start + AT_ONCE]
                found = {row.letter.id: row for row in letters.get(connection, part)}
                rows = [found[letter_id] for letter_id in part if letter_id in found]
                asked = [self._asked(row, stale) for row in rows]
                yield from self._chunk(runner, reader, rows, asked, cancelled, stale)

    def _chunk(
        self,
        runner: PreviewRunner,
        reader: Reader,
        rows: Sequence[LetterRow],
        asked: Sequence[Asked],
        cancelled: Collection[str],
        stale: Literal["run", "skip"] | None,
    ) -> Iterator[tuple[LetterRow, Prediction]]:
        now = self._installation.clock()
        readings = [reader.read_requests([each], now) for each in asked]
        runner.expect([execution for reading in readings for execution in reading.executions])
        for row, reading in zip(rows, readings, strict=True):
            if row.status in GONE:
                message = f"its record is not kept any more: the letter is {row.status}"
                yield row, replace(failing(row, row.letter, "gone"), code="RECORD_GONE", message=message)
            elif reading.executions:
                execution = reading.executions[0]
                found = runner.run(row, execution, now, cancelled)
                # What follows is stated now and does not know how long it was held up: the letter does.
                late = None if stale == "run" else runner.late(found, row.letter.first_time, now)
                yield row, replace(found, late=late)
            else:
                letter = reading.letters[0].letter
                yield row, failing(row, letter, _unread(letter.code))

    def _asked(self, row: LetterRow, stale: Literal["run", "skip"] | None) -> Asked:
        out = request(replace(row, letter=replace(row.letter, stale=stale)), self._installation.topics)
        return Asked(out.topic, 0, 0, row.letter.timestamp, out.key, out.value, out.headers)


def _unread(code: str) -> Verdict:
    if code == TAMPERED.code:
        return "tampered"
    return "unknown-action" if code == "UNKNOWN_ACTION" else "unreadable"

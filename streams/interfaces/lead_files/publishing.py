"""Publishes the leads of a file batch by batch, and counts the outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from actions.normalise.lead import ReadLead, read_event
from streams.interfaces.lead_files.leadfile import LeadFile
from streams.interfaces.lead_files.leadrecord import LeadRecords, bad_line
from streams.interfaces.lead_files.report import Sums
from streams.interfaces.lead_files.rows import BadLine, Row
from streams.kafka.producer import Outgoing, PublishError
from topics.decode import Decoded
from topics.events import LeadReceived, Note, Reason
from topics.failures import DecodeError

BATCH_RECORDS = 500
BATCH_BYTES = 1 << 20
LAST_WORD_S = 5.0
"""Seconds to wait, after an interrupt, for the batch that is being sent."""
ANSWER_WITHIN_S = 30.0
"""Seconds that the broker may take for a batch; the client itself would wait for ever."""
MAX_LISTED = 1000

Send = Callable[[Sequence[Outgoing]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A lead that a worker would reject."""

    line: int
    reasons: Sequence[Reason]


@dataclass(slots=True)
class Tally:
    """Counts of the lines by outcome, with the first `MAX_LISTED` bad lines and rejections."""

    published: int = 0
    good: int = 0
    """Leads that can be read, including `rejected`."""
    skipped: int = 0
    rejected: int = 0
    bad: list[BadLine] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    noted: int = 0
    """Leads of which something was changed, dropped, or kept as it came."""
    sums: Sums = field(default_factory=Sums)
    """Of all lines, by what was done, field and code."""
    first_lead: str | None = None
    """Id of the first lead that is not rejected."""
    unknown: int = 0
    """Records that were sent but not acknowledged in time: the broker may have them."""
    is_interrupted: bool = False
    error: PublishError | None = None

    def skip(self, line: BadLine) -> None:
        """Count a line that is not a lead."""
        self.skipped += 1
        self.sums.add("skipped", line.field, line.code, line.reason, line.line)
        if len(self.bad) < MAX_LISTED:
            self.bad.append(line)

    def reject(self, line: int, reasons: Sequence[Reason]) -> None:
        """Count a lead that a worker would reject."""
        self.rejected += 1
        for reason in reasons:
            self.sums.add("rejected", reason.field, reason.code, reason.message, line)
        if len(self.rejections) < MAX_LISTED:
            self.rejections.append(Rejection(line, reasons))

    def note(self, line: int, notes: Sequence[Note]) -> None:
        """Count a lead of which something was changed, dropped, or kept as it came."""
        self.noted += 1
        for note in notes:
            self.sums.add("noted", note.field, note.code, note.said, line)


class Publication:
    """Publishes one file; without `send` it only checks the leads."""

    def __init__(
        self,
        leads: LeadFile,
        records: LeadRecords,
        *,
        send: Send | None,
        region: str | None = None,
    ) -> None:
        """With a `region`, judge each lead as a worker with this default region would."""
        self.tally = Tally()
        self._leads = leads
        self._rows = iter(leads)
        self._records = records
        self._send = send
        self._region = region
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End after the batch that is being sent."""
        self.tally.is_interrupted = True
        self._leads.stop()
        self._stopping.set()

    async def run(self) -> None:
        """Publish until the input ends, `stop` is called or the broker takes no more (`tally.error`)."""
        batch = await asyncio.to_thread(self._prepare)
        while batch and not self._stopping.is_set():
            # Read and check the next batch while the broker writes this one.
            ahead = asyncio.create_task(asyncio.to_thread(self._prepare))
            try:
                is_taken = await self._deliver(batch)
            finally:
                if self.tally.error is not None:
                    self._leads.stop()
                following = await ahead
            if not is_taken:
                return
            batch = following

    async def _deliver(self, batch: Sequence[Outgoing]) -> bool:
        if self._send is None:
            return True
        sending = asyncio.ensure_future(self._send(batch))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((sending, stopping), return_when=asyncio.FIRST_COMPLETED, timeout=ANSWER_WITHIN_S)
        stopping.cancel()
        is_late = not sending.done() and not self._stopping.is_set()
        try:
            async with asyncio.timeout(0 if is_late else LAST_WORD_S):
                await sending
        except TimeoutError:
            self.tally.unknown = len(batch)
            if is_late:
                self.tally.error = PublishError(f"the broker did not answer within {ANSWER_WITHIN_S:.0f} s")
            return False
        except PublishError as error:
            self.tally.unknown = len(batch)
            self.tally.error = error
            return False
        self.tally.published += len(batch)
        return True

    def _prepare(self) -> list[Outgoing]:
        """Return the next batch, empty at the end of the input. Runs in a thread, because reading a pipe may wait."""
        batch: list[Outgoing] = []
        size = 0
        for row in self._rows:
            if isinstance(row, BadLine):
                self.tally.skip(row)
            elif isinstance(made := self._records.make(row), BadLine):
                self.tally.skip(made)
            else:
                record, decoded = made
                try:
                    judged = self._judged(decoded)
                except DecodeError as error:
                    self.tally.skip(bad_line(row.line, error))
                    continue
                self._count(row, judged, record)
                batch.append(record)
                size += len(record.value or b"")
            is_full = len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES
            if batch and (is_full or self._leads.is_idle):
                break
        return batch

    def _judged(self, decoded: Decoded) -> ReadLead | None:
        event = decoded.event
        if self._region is None or not isinstance(event, LeadReceived):
            return None
        return read_event(event, decoded.envelope, self._region)

    def _count(self, row: Row, judged: ReadLead | None, record: Outgoing) -> None:
        self.tally.good += 1
        notes: Sequence[Note] = row.notes if judged is None else (*row.notes, *judged.notes)
        if judged is not None and judged.reasons:
            self.tally.reject(row.line, judged.reasons)
            return
        if self.tally.first_lead is None and record.key is not None:
            self.tally.first_lead = record.key.decode()
        if notes:
            self.tally.note(row.line, notes)

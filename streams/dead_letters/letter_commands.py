"""Commands of people about dead letters: each is audited first, then done where it still applies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.engine import Connection

from streams.chunks import chunked
from streams.clock import to_us
from streams.dead_letters.audit import Audit, AuditedCommand, Entry
from streams.dead_letters.patching import Patch, PatchError
from streams.engine.installation import Installation
from streams.kafka.producer import Outgoing
from streams.store import letter_changes, letters
from streams.store.letter_changes import ERASABLE, RESTING
from streams.store.letters import DISCARDED, GONE, OPEN, SCHEDULED, LetterRow
from topics.envelope import timestamp
from topics.letter import sha256_of

T = TypeVar("T")
StatusChange = Callable[[Connection, Sequence[str]], Collection[str]]
"""Changes the status of letters; returns the ids of those that it changed."""
BATCH_SIZE = 200
"""Letters per transaction; each is read with its whole record."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A letter that a command leaves unchanged."""

    id: str
    reason: str


@dataclass(slots=True)
class Done:
    """Result of a command about letters."""

    changed: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LetterCommands:
    """The only way in which the command line and HTTP change letters.

    Every command raises `AuditError`, and as the store does.
    """

    installation: Installation
    audit: Audit

    async def discard(self, ids: Sequence[str], reason: str) -> Done:
        """Discard letters; they can be restored."""
        now_us = self._now_us()
        return await self._change_status(
            "discard", ids, reason, RESTING, lambda link, part: letter_changes.discard(link, part, now_us)
        )

    async def restore(self, ids: Sequence[str], reason: str) -> Done:
        """Park discarded letters."""
        return await self._change_status("restore", ids, reason, (DISCARDED,), letter_changes.restore)

    async def erase(self, ids: Sequence[str], reason: str) -> Done:
        """Delete the records of letters from the index for good. Topics keep them until retention deletes them."""
        now_us = self._now_us()
        return await self._change_status(
            "erase", ids, reason, ERASABLE, lambda link, part: letter_changes.erase(link, part, now_us)
        )

    async def schedule(self, ids: Sequence[str], due: datetime, reason: str) -> Done:
        """Let workers retry letters once, at this moment."""
        return await self._change_status(
            "schedule",
            ids,
            reason,
            RESTING,
            lambda link, part: letter_changes.schedule(link, part, to_us(due)),
            due=timestamp(due),
        )

    async def unschedule(self, ids: Sequence[str], reason: str) -> Done:
        """Park letters that workers would retry automatically."""
        return await self._change_status("unschedule", ids, reason, (SCHEDULED,), letter_changes.unschedule)

    async def reveal(self, letter_id: str, reason: str) -> LetterRow:
        """Return a letter for a person who wants to read its record. Raise KeyError when there is none."""
        rows = await self._rows([letter_id])
        if not rows:
            raise KeyError(letter_id)
        await self.audit.write(reason, [entry_of("reveal", rows[0])])
        return rows[0]

    async def keep(self, ids: Sequence[str], reason: str) -> Done:
        """Publish open letters again, so that retention counts from now."""
        done = Done()
        for part in chunked(ids, BATCH_SIZE):
            rows = await self._rows(part)
            kept = [row for row in rows if row.status in OPEN]
            done.skipped += [Skipped(row.letter.id, f"it is {row.status}") for row in rows if row not in kept]
            await self.audit.write(reason, [entry_of("keep", row) for row in kept])
            await self._publish(kept)
            kept_ids = [row.letter.id for row in kept]
            keep = partial(letter_changes.keep, ids=kept_ids, now_us=self._now_us())
            await self.installation.database.run(keep)
            done.changed += kept_ids
        return done

    async def import_letters(self, rows: Sequence[LetterRow], reason: str) -> int:
        """Publish letters of another installation for workers to index; return their number."""
        for part in chunked(rows, BATCH_SIZE):
            await self.audit.write(reason, [entry_of("import", row) for row in part])
            await self._publish(part)
        return len(rows)

    async def export_letters(self, ids: Sequence[str], reason: str) -> AsyncIterator[LetterRow]:
        """Yield whole letters for a file; each is audited like one that a person reads.

        Letters whose record is gone are left out.
        """
        for part in chunked(ids, BATCH_SIZE):
            rows = [row for row in await self._rows(part) if row.status not in GONE]
            await self.audit.write(reason, [entry_of("export", row) for row in rows])
            for row in rows:
                yield row

    async def edit(self, ids: Sequence[str], patch: Patch, reason: str) -> Done:
        """Change the records of letters by a patch.

        The value that failed first stays readable, and the event keeps its id. Letters that the patch does not fit, and
        those that are being replayed, are skipped.
        """
        done = Done()
        for part in chunked(ids, BATCH_SIZE):
            changes, again = [], []
            for row in await self._rows(part):
                try:
                    changed = edited(row, patch)
                except PatchError as error:
                    done.skipped.append(Skipped(row.letter.id, str(error)))
                    continue
                if changed is not None:
                    changes.append((row, changed))
                elif row.is_edited:
                    again.append(row)  # an earlier command may have died before it published the edit
                    done.skipped.append(Skipped(row.letter.id, "it has been patched already"))
                else:
                    done.skipped.append(Skipped(row.letter.id, "the patch would change nothing"))
            await self.audit.write(reason, [edit_entry(row, changed, patch) for row, changed in changes])
            written = await self.installation.database.run(partial(self._edit, changes=changes))
            await self._publish([*again, *written])
            ids_written = {row.letter.id for row in written}
            done.changed += ids_written
            done.skipped += [
                Skipped(row.letter.id, skip_reason(row, RESTING))
                for row, _ in changes
                if row.letter.id not in ids_written
            ]
        return done

    def _edit(
        self, connection: Connection, changes: Sequence[tuple[LetterRow, LetterRow]]
    ) -> list[LetterRow]:
        now_us = self._now_us()
        return [
            changed
            for row, changed in changes
            if letter_changes.edit(connection, row, changed.letter, changed.value, now_us)
        ]

    async def _change_status(
        self,
        command: AuditedCommand,
        ids: Sequence[str],
        reason: str,
        statuses: Sequence[str],
        change: StatusChange,
        **details: str,
    ) -> Done:
        done = Done()
        for part in chunked(ids, BATCH_SIZE):
            rows = await self._rows(part)
            fitting = [row for row in rows if row.status in statuses and row.job is None]
            await self.audit.write(reason, [entry_of(command, row, **details) for row in fitting])
            fitting_ids = [row.letter.id for row in fitting]
            changed = set(await self.installation.database.run(partial(_changed, change, fitting_ids)))
            done.changed += [each for each in fitting_ids if each in changed]
            done.skipped += [
                Skipped(row.letter.id, skip_reason(row, statuses))
                for row in rows
                if row.letter.id not in changed
            ]
        return done

    async def _rows(self, ids: Sequence[str]) -> list[LetterRow]:
        rows = await self.installation.database.run(partial(letters.get, ids=ids))
        order = {letter_id: number for number, letter_id in enumerate(ids)}
        return sorted(rows, key=lambda row: order[row.letter.id])

    async def _publish(self, rows: Sequence[LetterRow]) -> None:
        if rows:
            topic = self.installation.topics.letters
            await self.installation.publisher.publish(
                [Outgoing(topic, row.key, row.value, row.headers + row.letter.headers()) for row in rows]
            )

    def _now_us(self) -> int:
        return to_us(self.installation.clock())


SimpleCommand = Callable[[LetterCommands, Sequence[str], str], Awaitable[Done]]
SIMPLE_COMMANDS: Mapping[str, SimpleCommand] = {
    "discard": LetterCommands.discard,
    "restore": LetterCommands.restore,
    "unschedule": LetterCommands.unschedule,
    "keep": LetterCommands.keep,
    "erase": LetterCommands.erase,
}
"""Commands that need only a reason, by their name on the command line and in HTTP."""


def entry_of(command: AuditedCommand, row: LetterRow, **details: str) -> Entry:
    """Return the audit entry of a command about a letter."""
    return Entry(command, row.letter.id, {"generation": row.letter.generation, **details})


def edit_entry(row: LetterRow, changed: LetterRow, patch: Patch) -> Entry:
    """Return the audit entry of an edit; it holds hashes, never values."""
    return entry_of(
        "edit",
        row,
        patch=patch.name,
        does=", ".join(patch.touches),
        patch_sha256=patch.sha256,
        before_sha256=sha256_of(row.value) or "",
        after_sha256=sha256_of(changed.value) or "",
    )


def edited(row: LetterRow, patch: Patch) -> LetterRow | None:
    """Return the patched letter; None: the patch changes nothing. Raise `PatchError` when it does not fit."""
    if row.status not in RESTING or row.job is not None:
        raise PatchError(skip_reason(row, RESTING))
    is_whole = patch.value is not None or patch.restores_original
    if not is_whole and sha256_of(row.value) != row.letter.value_sha256:
        # A patch would turn bytes that somebody else wrote into the letter's own.
        raise PatchError("its value is not the one that failed: the SHA-256 differs; --value replaces it")
    value = patch.apply(row.value, row.original_value if row.is_edited else row.value)
    if value == row.value:
        return None
    letter = replace(
        row.letter,
        edit_sha256=patch.sha256,
        edit_number=(row.letter.edit_number or 0) + 1,
        value_sha256=sha256_of(value),
    )
    return replace(row, value=value, letter=letter)


def skip_reason(row: LetterRow, statuses: Sequence[str]) -> str:
    """Return why a letter is skipped: it has none of these statuses, or a job has claimed it, or it has changed."""
    if row.job is not None:
        return f"replay job {row.job} has claimed it"
    if row.status not in statuses:
        return f"it is {row.status}, not {' or '.join(statuses)}"
    return "it has changed meanwhile; look again"


def _changed(change: StatusChange, ids: Sequence[str], connection: Connection) -> Collection[str]:
    return change(connection, ids)

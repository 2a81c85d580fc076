"""This file is what people do about dead letters: each act is audited first, then done where it still fits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.engine import Connection

from streams.clock import Clock, to_us
from streams.dead_letters.audit import Audit, AuditedCommand
from streams.dead_letters.editing import edit_entry, edited, entry_of, why_not
from streams.dead_letters.patching import Patch, PatchError
from streams.kafka.producer import Outgoing, Publisher
from streams.store import letter_changes, letters
from streams.store.engine import Database
from streams.store.letter_changes import ERASABLE, RESTING
from streams.store.letters import DISCARDED, GONE, OPEN, SCHEDULED, LetterRow
from topics.envelope import timestamp
from topics.registry import TopicNames

T = TypeVar("T")
Change = Callable[[Connection, Sequence[str]], Collection[str]]
AT_ONCE = 200
"""Letters at once: each brings its whole record along."""


@dataclass(frozen=True, slots=True)
class Left:
    """A letter that stays as it is."""

    id: str
    why: str


@dataclass(slots=True)
class Done:
    """What came of an act on some letters."""

    changed: list[str] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LetterCommands:
    """The one way by which commands and HTTP change letters."""

    database: Database
    publisher: Publisher
    names: TopicNames
    clock: Clock
    audit: Audit

    async def discard(self, ids: Sequence[str], reason: str) -> Done:
        """Give letters up; they can be restored. Raises `AuditError`, and as the store does, like all acts here."""
        now_us = to_us(self.clock())
        return await self._move(
            "discard", ids, reason, RESTING, lambda link, some: letter_changes.discard(link, some, now_us)
        )

    async def restore(self, ids: Sequence[str], reason: str) -> Done:
        """Park letters that were given up."""
        return await self._move("restore", ids, reason, (DISCARDED,), letter_changes.restore)

    async def erase(self, ids: Sequence[str], reason: str) -> Done:
        """Take the records of letters out of the index, for good. Their topics forget them as retention says."""
        now_us = to_us(self.clock())
        return await self._move(
            "erase", ids, reason, ERASABLE, lambda link, some: letter_changes.erase(link, some, now_us)
        )

    async def schedule(self, ids: Sequence[str], due: datetime, reason: str) -> Done:
        """Let workers try letters at this moment, once."""
        return await self._move(
            "schedule",
            ids,
            reason,
            RESTING,
            lambda link, some: letter_changes.schedule(link, some, to_us(due)),
            due=timestamp(due),
        )

    async def unschedule(self, ids: Sequence[str], reason: str) -> Done:
        """Park letters that workers would try by themselves."""
        return await self._move("unschedule", ids, reason, (SCHEDULED,), letter_changes.unschedule)

    async def reveal(self, letter_id: str, reason: str) -> LetterRow:
        """Give a letter whose record a person wants to read. Raises KeyError when there is none."""
        found = await self._rows([letter_id])
        if not found:
            raise KeyError(letter_id)
        row = found[0]
        await self.audit.write(reason, [entry_of("reveal", row)])
        return row

    async def keep(self, ids: Sequence[str], reason: str) -> Done:
        """Write open letters anew, so that retention counts from now."""
        done = Done()
        for part in _parts(ids):
            rows = await self._rows(part)
            mine = [row for row in rows if row.status in OPEN]
            done.left += [Left(row.letter.id, f"it is {row.status}") for row in rows if row not in mine]
            await self.audit.write(reason, [entry_of("keep", row) for row in mine])
            await self._publish(mine)
            kept = [row.letter.id for row in mine]
            now_us = to_us(self.clock())
            await self.database.run(partial(letter_changes.keep, ids=kept, now_us=now_us))
            done.changed += kept
        return done

    async def take_in(self, rows: Sequence[LetterRow], reason: str) -> int:
        """Write letters of another installation into the topic, from which workers index them; gives their number."""
        for part in _parts(rows):
            await self.audit.write(reason, [entry_of("import", row) for row in part])
            await self._publish(part)
        return len(rows)

    async def take_out(self, ids: Sequence[str], reason: str) -> AsyncIterator[LetterRow]:
        """Give letters whole, to be written into a file: each is audited as one that a person reads.

        Those whose record is gone are left out.
        """
        for part in _parts(ids):
            rows = [row for row in await self._rows(part) if row.status not in GONE]
            await self.audit.write(reason, [entry_of("export", row) for row in rows])
            for row in rows:
                yield row

    async def edit(self, ids: Sequence[str], patch: Patch, reason: str) -> Done:
        """Change the records of letters by a patch. What it failed with first stays readable, and the event's id stays.

        A letter that the patch does not fit, or that is being replayed, is left as it is.
        """
        done = Done()
        for part in _parts(ids):
            changes, again = [], []
            for row in await self._rows(part):
                try:
                    changed = edited(row, patch)
                except PatchError as error:
                    done.left.append(Left(row.letter.id, str(error)))
                    continue
                if changed is not None:
                    changes.append((row, changed))
                elif row.is_edited:
                    again.append(row)  # a command that was cut off may not have come to write it
                    done.left.append(Left(row.letter.id, "it is as the patch makes it"))
                else:
                    done.left.append(Left(row.letter.id, "the patch changes nothing of it"))
            await self.audit.write(reason, [edit_entry(row, changed, patch) for row, changed in changes])
            taken = await self.database.run(partial(self._edit, changes=changes))
            await self._publish([*again, *taken])
            mine = {row.letter.id for row in taken}
            done.changed += mine
            done.left += [
                Left(row.letter.id, why_not(row, RESTING)) for row, _ in changes if row.letter.id not in mine
            ]
        return done

    def _edit(
        self, connection: Connection, changes: Sequence[tuple[LetterRow, LetterRow]]
    ) -> list[LetterRow]:
        now_us = to_us(self.clock())
        return [
            changed
            for row, changed in changes
            if letter_changes.edit(connection, row, changed.letter, changed.value, now_us)
        ]

    async def _move(
        self,
        act: AuditedCommand,
        ids: Sequence[str],
        reason: str,
        of: Sequence[str],
        change: Change,
        **details: str,
    ) -> Done:
        done = Done()
        for part in _parts(ids):
            rows = await self._rows(part)
            fitting = [row for row in rows if row.status in of and row.job is None]
            await self.audit.write(reason, [entry_of(act, row, **details) for row in fitting])
            fitting_ids = [row.letter.id for row in fitting]
            moved = set(await self.database.run(partial(_called, change, fitting_ids)))
            done.changed += [each for each in fitting_ids if each in moved]
            done.left += [Left(row.letter.id, why_not(row, of)) for row in rows if row.letter.id not in moved]
        return done

    async def _rows(self, ids: Sequence[str]) -> list[LetterRow]:
        rows = await self.database.run(partial(letters.get, ids=ids))
        order = {letter_id: number for number, letter_id in enumerate(ids)}
        return sorted(rows, key=lambda row: order[row.letter.id])

    async def _publish(self, rows: Sequence[LetterRow]) -> None:
        if rows:
            await self.publisher.publish(
                [
                    Outgoing(self.names.letters, row.key, row.value, row.headers + row.letter.headers())
                    for row in rows
                ]
            )


SIMPLE_COMMANDS: Mapping[str, Callable[[LetterCommands, Sequence[str], str], Awaitable[Done]]] = {
    "discard": LetterCommands.discard,
    "restore": LetterCommands.restore,
    "unschedule": LetterCommands.unschedule,
    "keep": LetterCommands.keep,
    "erase": LetterCommands.erase,
}
"""Acts that need a reason alone, by the name that commands and HTTP give them."""


def _called(change: Change, ids: Sequence[str], connection: Connection) -> Collection[str]:
    return change(connection, ids)


def _parts(all_: Sequence[T]) -> list[Sequence[T]]:
    return [all_[start : start + AT_ONCE] for start in range(0, len(all_), AT_ONCE)]

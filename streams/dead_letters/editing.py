"""This file says what an act makes of one letter, and what the audit is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from streams.dead_letters.audit import AuditedCommand, Entry
from streams.dead_letters.patching import Patch, PatchError
from streams.store.letter_changes import RESTING
from streams.store.letters import LetterRow
from topics.letter import sha256_of


def entry_of(act: AuditedCommand, row: LetterRow, **details: str) -> Entry:
    """Say for the audit what is done about a letter."""
    return Entry(act, row.letter.id, {"generation": row.letter.generation, **details})


def edit_entry(row: LetterRow, changed: LetterRow, patch: Patch) -> Entry:
    """Say for the audit how a letter is edited: by hashes, and never by values."""
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
    """Give the letter as the patch makes it; None: it changes nothing. Raises `PatchError` when it does not fit."""
    if row.status not in RESTING or row.job is not None:
        raise PatchError(why_not(row, RESTING))
    is_whole = patch.value is not None or patch.is_undone
    if not is_whole and sha256_of(row.value) != row.letter.value_sha256:
        # A recipe for many would make somebody's bytes the letter's own.
        raise PatchError(
            "its value is not the one that failed: the SHA-256 differs; --value gives it another one"
        )
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


def why_not(row: LetterRow, of: Sequence[str]) -> str:
    """Say why a letter cannot be changed that is not one of these statuses, or that somebody has in hand."""
    if row.job is not None:
        return f"replay job {row.job} has it in hand"
    if row.status not in of:
        return f"it is {row.status}, not {' or '.join(of)}"
    return "it has changed meanwhile; look again"

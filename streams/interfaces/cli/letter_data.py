"""This file says how a dead letter is named: by its id, or the beginning of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from streams.interfaces.common.errors import CommandError, WrongUseError

if TYPE_CHECKING:
    from streams.store.engine import Database

SHORTEST_PREFIX = 6
"""Characters of an id by which a letter may be named, if no other begins with them."""


def whole_ids(database: Database, given: Sequence[str]) -> list[str]:
    """Find the letters by id or beginning of it. Raises `CommandError` when one is none or several."""
    from streams.store.queries import letter_ids_like

    ids: list[str] = []
    for text in given:
        prefix = text.strip().lower()
        if not re.fullmatch(r"[0-9a-f-]{6,36}", prefix):
            raise WrongUseError(
                f"{text!r} is no id of a letter, nor its first {SHORTEST_PREFIX} characters or more"
            )
        found = database.transact(partial(letter_ids_like, prefix=prefix))
        if not found:
            raise CommandError(
                f"there is no dead letter {text}; `leads dead-letters list --status all` shows all"
            )
        if len(found) > 1:
            raise CommandError(f"several letters begin with {text}: {', '.join(found)}; give more of the id")
        ids.append(found[0])
    return list(dict.fromkeys(ids))

"""Reads suppressions from their topic, as the action that records them does."""

from __future__ import annotations

from collections.abc import Iterable

from actions.errors import PermanentError
from actions.normalise.suppression import read_suppression
from actions.ports import Identity, LeadRules
from streams.engine.installation import Installation
from topics.decode import Position, Record, decode
from topics.events import ContactSuppressed
from topics.failures import DecodeError


def suppressions_in(records: Iterable[Record], installation: Installation) -> dict[tuple[str, str], str]:
    """Return the latest moment by contact key and reason; records that only a letter can tell of are left out."""
    shared = installation.adapters.ports.shared
    identity, rules = shared[Identity], shared[LeadRules]
    moments: dict[tuple[str, str], str] = {}
    for record in records:
        try:
            decoded = decode(record.value, list(record.headers), ContactSuppressed, Position.of(record))
            found = read_suppression(decoded.event, decoded.envelope, identity, rules)  # type: ignore[arg-type]  # ports are bound by type
        except (DecodeError, PermanentError):
            continue
        place = (found.contact_key, found.reason)
        moments[place] = max(found.time, moments.get(place, ""))
    return moments

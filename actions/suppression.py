"""Which leads cause no call outside."""

from __future__ import annotations

_QUIET_ORIGINS = frozenset({"import", "backfill"})


def quiet_reason(origin: str) -> str | None:
    """Return the reason to skip an effect for events of this `ce_origin`, e.g. `origin-import`; else None.

    Someone who loads last year's leads does not mean to greet them all today. A replay is not quiet: it makes
    up for what failed, and what did not fail is not done twice.
    """
    return f"origin-{origin}" if origin in _QUIET_ORIGINS else None

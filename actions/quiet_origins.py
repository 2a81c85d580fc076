"""Which leads cause no call outside."""

from __future__ import annotations

_QUIET_ORIGINS = frozenset({"import", "backfill"})


def quiet_reason(origin: str) -> str | None:
    """Return the reason to skip an effect for events of this `ce_origin`, e.g. `origin-import`; else None.

    An import of last year's leads must not greet them all today. A replay is not quiet: it repeats what failed, and
    nothing that succeeded is done twice.
    """
    return f"origin-{origin}" if origin in _QUIET_ORIGINS else None

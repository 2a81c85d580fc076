"""How much of everything a chaos run does, and what makes a run repeatable.

`LEADS_CHAOS`: `full` are the figures a release is judged by, `nightly` those of a long night; anything else is the
small run that belongs to every test run. `LEADS_CHAOS_SEED` repeats a run's choices, and
`LEADS_CHAOS_SOAK=MINUTES` adds a soak.
"""

from __future__ import annotations

import os
import time
from random import Random

SIZE = os.environ.get("LEADS_CHAOS", "small")
IS_SMALL = SIZE not in ("full", "nightly")
SEED = int(os.environ.get("LEADS_CHAOS_SEED", "0")) or time.time_ns() % 1_000_000
"""Of every choice of this run."""
SOAK_MINUTES = float(os.environ.get("LEADS_CHAOS_SOAK", "0"))


def figure(small: int, full: int, nightly: int) -> int:
    """Return the figure of this run."""
    return {"full": full, "nightly": nightly}.get(SIZE, small)


def databases(small: str) -> list[str]:
    """Databases to run on: both, but in the small run, where other scenarios take the other one."""
    return [small] if IS_SMALL else ["sqlite", "postgresql"]


def time_limit(small_s: int, per_round_s: float, rounds: int) -> int:
    """Seconds after which a scenario hangs rather than works."""
    return small_s + int(per_round_s * rounds)


def seeded(name: str) -> Random:
    """Return the choices of one scenario, which do not depend on the other scenarios of the run."""
    return Random(f"{SEED} {name}")

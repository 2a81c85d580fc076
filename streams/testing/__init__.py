"""Tests actions and workflows without a broker: in-memory log, real processor, SQLite in memory.

docs/testing.md shows how.
"""

from streams.testing.atomic import check_atomic
from streams.testing.clock import Clock
from streams.testing.cluster import Cluster
from streams.testing.leads import event_headers, lead
from streams.testing.log import LogRecord, MemoryLog
from streams.testing.rehearsal import Rehearsal
from streams.testing.store import MemoryStore
from streams.testing.world import OWNERS, World, adapters_of

__all__ = [
    "OWNERS",
    "Clock",
    "Cluster",
    "LogRecord",
    "MemoryLog",
    "MemoryStore",
    "Rehearsal",
    "World",
    "adapters_of",
    "check_atomic",
    "event_headers",
    "lead",
]

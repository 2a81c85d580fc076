"""Gives the tests the in-memory installation of the test kit under its old names."""

from streams.testing.clock import Clock
from streams.testing.cluster import Cluster
from streams.testing.log import PARTITIONS, LogRecord, MemoryLog

__all__ = ["PARTITIONS", "Clock", "Cluster", "LogRecord", "MemoryLog"]

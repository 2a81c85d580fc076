"""`leads` called within the test's process, over a store in a file and a log in memory."""

from tests.support.in_process import kept_logging, kept_signals, leads

__all__ = ["kept_logging", "kept_signals", "leads"]

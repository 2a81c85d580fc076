"""Gives the tests the outside world and the leads of the test kit."""

from streams.testing.leads import event_headers, lead
from streams.testing.world import OWNERS, World, adapters_of

__all__ = ["OWNERS", "World", "adapters_of", "event_headers", "lead"]

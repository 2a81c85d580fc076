"""Test the hash that chooses partitions."""

from __future__ import annotations

from aiokafka.partitioner import murmur2 as of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.partitioner import murmur2


@given(st.binary(max_size=70))
def test_a_key_has_the_hash_that_other_clients_give_it(key: bytes) -> None:
    assert murmur2(key) == of_aiokafka(key) & 0xFFFFFFFF

"""The demo's records are of the kind they name."""

from __future__ import annotations

from streams.interfaces.demo.samples import make_samples
from topics.registry import KIB


def test_the_same_records_are_made_every_time() -> None:
    assert make_samples(400) == make_samples(400)


def test_every_record_is_small_enough_for_the_topic() -> None:
    assert max(len(sample.value or b"") for sample in make_samples(400)) < 500 * KIB

from __future__ import annotations

from streams.engine.event_cache import MAX_CACHED_VALUE, STALE_S, EventCache
from tests.unit.actions.examples import ENVELOPE
from topics.decode import Decoded
from topics.events import Event, LeadReceived, LeadValidated

LEAD = Decoded(ENVELOPE, LeadReceived(email="anna@example.com"), None)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def found(own: EventCache, *values: bytes, expected: type[Event] = LeadReceived) -> list[bool]:
    return [own.find(value, [("ce_id", b"1")], expected) is LEAD for value in values]


def remembering(*values: bytes, readers: int = 1, most: int = 9, clock: Clock | None = None) -> EventCache:
    own = EventCache({LeadReceived: readers}, most, clock or Clock())
    for value in values:
        own.remember(value, [("ce_id", b"1")], LEAD)
    return own


def test_an_event_is_remembered_until_every_step_that_reads_it_has_read_it() -> None:
    own = remembering(b"x", readers=2)

    assert found(own, b"x", b"x", b"x") == [True, True, False]


def test_an_event_that_no_step_reads_and_one_that_is_large_are_not_remembered() -> None:
    assert found(remembering(b"x", readers=0), b"x") == [False]
    assert found(
        remembering(b"l" * MAX_CACHED_VALUE, b"l" * (MAX_CACHED_VALUE + 1)),
        b"l" * MAX_CACHED_VALUE,
        b"l" * (MAX_CACHED_VALUE + 1),
    ) == [
        True,
        False,
    ]


def test_only_the_very_bytes_and_headers_on_the_right_topic_are_ones_own() -> None:
    own = remembering(b"x")

    assert found(own, b"y") == [False]
    assert own.find(None, [], LeadReceived) is None
    assert own.find(b"x", [("ce_id", b"2")], LeadReceived) is None
    assert found(own, b"x", expected=LeadValidated) == [False]
    assert found(own, b"x") == [True]


def test_with_a_long_backlog_the_events_that_are_read_first_stay() -> None:
    own = remembering(b"1", b"2", b"3", most=2)

    assert found(own, b"1", b"2", b"3") == [True, True, False]


def test_events_that_another_worker_reads_make_room_after_a_while() -> None:
    clock = Clock()
    own = remembering(b"1", b"2", most=2, clock=clock)
    clock.now = STALE_S
    own.remember(b"3", [("ce_id", b"1")], LEAD)

    assert found(own, b"1", b"2", b"3") == [False, True, True]

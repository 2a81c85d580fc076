"""A fast wrong run of the benchmark fails: each fault is planted once."""

from __future__ import annotations

import re

import orjson
import pytest

from bench.checks import WrongRunError, copies, demand, sequence_of
from bench.events import EVENT_BYTES, event, late_leads, leads, people_of
from bench.measure_replaying import demanded
from topics.events import LeadWelcomed
from topics.registry import TopicNames

RIGHT = [event(number) for number in range(20)]
NAMES = TopicNames("bench.")
WELCOMED = NAMES.of(LeadWelcomed)


def test_every_event_has_the_size_that_is_claimed() -> None:
    assert {len(value) for _, value in RIGHT} == {EVENT_BYTES}


def test_a_whole_output_is_right_and_copies_are_counted() -> None:
    found = sequence_of([*RIGHT, RIGHT[3], RIGHT[3]], 20)
    assert found.is_right
    assert found.duplicated == 2


def test_a_lost_event_is_found() -> None:
    found = sequence_of(RIGHT[:7] + RIGHT[8:], 20)
    assert found.lost == 1
    assert not found.is_right


@pytest.mark.parametrize(
    "changed",
    [
        (RIGHT[5][0], RIGHT[5][1][:-1] + b" "),
        (b"another key", RIGHT[5][1]),
        (None, RIGHT[5][1]),
        (RIGHT[5][0], None),
        (RIGHT[5][0], b"no event"),
        event(20),
    ],
    ids=["value", "key", "no key", "no value", "not ours", "never published"],
)
def test_a_record_that_nobody_published_is_found(changed: tuple[bytes | None, bytes | None]) -> None:
    found = sequence_of([*RIGHT, changed], 20)
    assert found.changed == 1
    assert not found.is_right


def test_events_of_one_key_in_another_order_are_found() -> None:
    swapped = [*RIGHT[:1], RIGHT[2], RIGHT[1], *RIGHT[3:]]
    assert sequence_of(swapped, 20).reordered == 1


def test_a_count_that_is_not_as_demanded_is_named() -> None:
    with pytest.raises(WrongRunError, match="worker: mails is 9 and must be 10"):
        demand("worker", {"mails": 9, "letters": 0}, {"mails": 10, "letters": 0})


def test_ids_that_come_again_are_copies() -> None:
    assert copies(["a", "b", "a", "a"]) == (2, 2)


def test_the_last_tenth_of_the_leads_are_people_who_came_before() -> None:
    emails = [value.split(b'"email":"')[1].split(b'"')[0] for _, value in leads(50)]
    assert len(set(emails)) == people_of(50) == 45


def test_late_leads_share_no_id_address_or_phone_with_live_ones() -> None:
    live, late = ([orjson.loads(value) for _, value in made] for made in (leads(50), late_leads(50)))
    for name in ("lead_id", "email", "phone"):
        assert not {each[name] for each in live} & {each[name] for each in late}
        assert len({each[name] for each in late}) == 50


def test_letters_that_nobody_replays_lie_and_their_last_facts_are_not_stated() -> None:
    right = demanded(NAMES, live=100, late=20, is_replayed=False)
    assert (right["letters scheduled"], right["letters resolved"], right["jobs done"]) == (40, 0, 0)
    assert (right[f"{WELCOMED}: lead-…"], right[f"{WELCOMED}: late-…"]) == (100, 0)
    assert (right["mails"], right["notifications"]) == (90, 100)


@pytest.mark.parametrize(
    ("what", "more"),
    [
        (f"{WELCOMED}: lead-…", -1),
        (f"{WELCOMED}: late-…", -1),
        ("letters resolved", -1),
        ("letters replayed by the job", -1),
        ("jobs done", -1),
        ("offsets committed", 1),
        ("mails twice", 1),
        ("notifications", -1),
    ],
)
def test_a_replay_beside_live_leads_that_lost_or_duplicated_one_thing_is_found(what: str, more: int) -> None:
    right = demanded(NAMES, live=100, late=20, is_replayed=True)
    demand("yielding", right, right)
    with pytest.raises(WrongRunError, match=f"{re.escape(what)} is"):
        demand("yielding", right | {what: right[what] + more}, right)

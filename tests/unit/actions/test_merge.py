"""Shows that the merge of contacts depends on neither order nor repetition."""

from __future__ import annotations

from functools import reduce
from itertools import permutations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.merge import contact_of, fields_of, merge
from actions.ports import FieldValue
from tests.unit.actions.examples import origin
from topics.events import Consent, Contact, Lead

EARLY, LATE = "2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z"

# Few different values, so that equal times, ids and sources meet often.
values = st.sampled_from(["a", "b", 1, 1.0, True, 0, False, {"name": "a"}, {"name": "a", "first_name": "b"}])
field_values = st.builds(
    FieldValue,
    value=values,
    source=st.sampled_from(["/a", "/b"]),
    time=st.sampled_from([EARLY, LATE]),
    event_id=st.sampled_from(["e1", "e2"]),
)
versions = st.dictionaries(st.sampled_from(["email", "name", "attributes.budget"]), field_values)


def exact(fields: dict[str, FieldValue]) -> dict[str, bytes]:
    """Tell 1, 1.0 and True apart, which are equal to Python."""
    return {name: orjson.dumps([*value], option=orjson.OPT_SORT_KEYS) for name, value in fields.items()}


@given(versions, versions)
def test_merge_is_commutative(a: dict[str, FieldValue], b: dict[str, FieldValue]) -> None:
    assert exact(merge(a, b)) == exact(merge(b, a))


@given(versions, versions, versions)
def test_merge_is_associative(
    a: dict[str, FieldValue], b: dict[str, FieldValue], c: dict[str, FieldValue]
) -> None:
    assert exact(merge(merge(a, b), c)) == exact(merge(a, merge(b, c)))


@given(versions)
def test_merge_is_idempotent(a: dict[str, FieldValue]) -> None:
    assert exact(merge(a, a)) == exact(a)


@given(versions, versions)
def test_merge_changes_neither_of_its_inputs(a: dict[str, FieldValue], b: dict[str, FieldValue]) -> None:
    before = exact(a), exact(b)

    merge(a, b)

    assert (exact(a), exact(b)) == before


@settings(max_examples=50)
@given(st.lists(versions, min_size=1, max_size=4))
def test_any_order_and_repetition_ends_in_the_same_fields(events: list[dict[str, FieldValue]]) -> None:
    nothing: dict[str, FieldValue] = {}
    expected = exact(reduce(merge, events, nothing))

    ends = [exact(reduce(merge, [*order, *order[:2]], nothing)) for order in permutations(events)]

    assert ends == [expected] * len(ends)


def test_the_later_event_wins_field_by_field_and_absence_overwrites_nothing() -> None:
    early = fields_of(Lead(company="Early GmbH", city="Ulm"), origin("e1", EARLY))
    late = fields_of(Lead(company="Late GmbH", country="DE"), origin("e2", LATE))

    merged = merge(late, early)

    assert merged == {
        "company": FieldValue(value="Late GmbH", source="/web", time=LATE, event_id="e2"),
        "country": FieldValue(value="DE", source="/web", time=LATE, event_id="e2"),
        "city": FieldValue(value="Ulm", source="/web", time=EARLY, event_id="e1"),
    }


def test_at_the_same_time_id_then_source_then_value_decide() -> None:
    def company(name: str, event_id: str, source: str) -> dict[str, FieldValue]:
        return fields_of(Lead(company=name), origin(event_id, EARLY, source))

    winners = [
        merge(company("z", "e1", "/z"), company("a", "e2", "/a")),
        merge(company("z", "e1", "/a"), company("a", "e1", "/b")),
        merge(company("z", "e1", "/a"), company("a", "e1", "/a")),
    ]

    assert [contact_of(fields).company for fields in winners] == ["a", "a", "z"]


def test_a_newer_name_never_stands_beside_an_older_first_name() -> None:
    old = fields_of(Lead(name="Anna Schmidt", first_name="Anna", last_name="Schmidt"), origin("e1", EARLY))
    new = fields_of(Lead(name="Dr. A. Berg"), origin("e2", LATE))

    assert contact_of(merge(old, new)) == Contact(name="Dr. A. Berg")


def test_attributes_merge_one_by_one_and_consent_as_one() -> None:
    old = fields_of(
        Lead(attributes={"budget": 1, "utm.source": "ads"}, consent=Consent(marketing=True, text="yes")),
        origin("e1", EARLY),
    )
    new = fields_of(Lead(attributes={"budget": 2}, consent=Consent(marketing=False)), origin("e2", LATE))

    merged = contact_of(merge(old, new))

    assert merged == Contact(attributes={"budget": 2, "utm.source": "ads"}, consent=Consent(marketing=False))


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ([(True, EARLY), (False, LATE)], False),
        ([(False, EARLY), (True, LATE)], True),
        ([(True, LATE), (False, LATE)], False),
        ([(False, EARLY), (None, LATE)], False),
        ([(None, EARLY), (True, LATE)], True),
        ([(True, LATE), (False, EARLY)], True),
    ],
)
def test_the_latest_answer_about_consent_counts_and_of_two_at_once_the_no(
    said: list[tuple[bool | None, str]], *, counts: bool
) -> None:
    versions = [
        fields_of(Lead(consent=Consent(marketing=answer, time=time)), origin(f"e{number}", EARLY))
        for number, (answer, time) in enumerate(said)
    ]

    for order in permutations(versions):
        consent = contact_of(reduce(merge, order)).consent
        assert consent is not None
        assert consent.marketing is counts


def test_source_and_message_of_a_lead_are_no_fields_of_the_contact() -> None:
    assert fields_of(Lead(source="web-form", message="Hello"), origin("e1")) == {}

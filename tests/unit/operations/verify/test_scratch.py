"""The scratch database of verify."""

from __future__ import annotations

from streams.interfaces.common.verifying import contract_of
from streams.onboarding import ONBOARDING
from streams.operations.verify.scratch import Scratch

CONTRACT = contract_of(ONBOARDING)


def test_what_is_about_a_person_is_hidden_the_same_way_within_a_run_and_otherwise_in_the_next() -> None:
    with Scratch(CONTRACT) as one, Scratch(CONTRACT) as other:
        assert one.hide("ana@customer.example") == one.hide("ana@customer.example")
        assert one.hide("ana@customer.example") != other.hide("ana@customer.example")
        assert one.hide(None) is None


def test_rows_are_inserted_once_counted_and_cleared() -> None:
    with Scratch(CONTRACT) as scratch:
        scratch.insert("mailed", [("<1>", b"a"), ("<2>", b"b")])
        scratch.insert("mailed", [])
        scratch.index()
        scratch.index()
        found = scratch.count("SELECT count(*) FROM mailed WHERE recipient = :who", who=b"a")
        scratch.clear("mailed")

        assert (found, scratch.count("SELECT count(*) FROM mailed")) == (1, 0)
        assert scratch.count("SELECT max(message_id) FROM mailed") == 0, "null counts as none"


def test_actions_are_known_by_number_and_others_are_not() -> None:
    with Scratch(CONTRACT) as scratch:
        numbers = [scratch.action(name) for name in CONTRACT.names]

        assert len(set(numbers)) == len(CONTRACT.names)
        assert scratch.action("send-sms") is None

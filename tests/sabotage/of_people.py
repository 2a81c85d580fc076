"""Sabotages of what protects people who said no, and people who were stored by older rules of reading."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.sabotage.sabotage import Sabotage


def consent_and_identity() -> Iterator[Sabotage]:
    """Yield the sabotages of consent, suppression, aliases and times in the future."""
    no = partial(Sabotage, promise="no is no")
    yield no(
        name="consent is not asked",
        mechanism="the transaction that claims a mail asks the contact's latest answer",
        file="streams/store/suppressions.py",
        old="if answer is False or (",
        new="if answer == 2 or (",
        tests=(
            "test_a_no_refuses_always_and_silence_only_where_a_yes_is_required",
            "test_who_said_no_is_skipped_until_a_later_yes",
        ),
    )
    yield no(
        name="suppressions are not asked",
        mechanism="the transaction that claims a mail asks the suppressions",
        file="streams/store/suppressions.py",
        old="if standing(moments, since if answer else None) is not None:",
        new="if False:",
        tests=(
            "test_who_is_suppressed_is_skipped_whatever_their_leads_say",
            "test_a_no_that_comes_before_the_retry_is_asked_by_the_retry",
        ),
    )
    yield no(
        name="a later silence replaces a no",
        mechanism="of consents the latest answer is kept, and of two at once the no",
        file="actions/merge.py",
        old="(_is_later_answer if name == CONSENT else _is_later)(theirs, ours)",
        new="_is_later(theirs, ours)",
        tests=("test_the_latest_answer_about_consent_counts_and_of_two_at_once_the_no",),
    )
    yield no(
        name="catching up forgets who said no",
        mechanism="a store that catches up reads every suppression again",
        file="streams/operations/recovery/catch_up.py",
        old="await self._take_suppressions(done)",
        new="done.suppressions = 0",
        tests=("test_everybody_who_said_no_is_known_again_and_gets_no_mail",),
    )
    once = partial(Sabotage, promise="effects once")
    yield once(
        name="people of older rules are new people",
        mechanism="today's key of somebody who is stored under an older one is an alias",
        file="streams/operations/recovery/contact_keys.py",
        old="    aliases.add(connection, fresh)",
        new="    aliases.add(connection, {})",
        tests=(
            "test_the_same_person_again_is_the_stored_contact_and_gets_no_second_welcome",
            "test_the_same_person_again_is_the_stored_contact",
        ),
    )
    yield Sabotage(
        name="a time in the future counts",
        promise="order-free",
        mechanism="an event that claims to be of the future is ordered by its record's timestamp",
        file="topics/decode.py",
        old="    return time_of_record(position), True",
        new="    return time, False",
        tests=("test_a_time_in_the_future_is_replaced_by_that_of_the_record",),
    )

"""Sabotages of what protects a restored store, and an intent whose commit got no answer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.sabotage.sabotage import Sabotage


def losses() -> Iterator[Sabotage]:
    """Yield the sabotages of a store that was lost, or that answered in an unforeseen way."""
    once = partial(Sabotage, promise="effects once")
    yield Sabotage(
        name="an intent that was written unheard becomes a letter DEFECT",
        promise="honest",
        mechanism="a batch comes again when nobody knows whether its intent was written",
        file="streams/engine/effects.py",
        old="raise StoreUnavailableError(msg) from error",
        new="raise",
        tests=("test_an_intent_whose_commit_got_no_answer_ends_as_uncertain_and_as_nothing_else",),
    )
    yield once(
        name="a restored store is worked with",
        mechanism="a worker refuses a store that lacks what its group has acknowledged",
        file="streams/operations/recovery/outdated_store.py",
        old="missing = await _missing(",
        new="missing = 0 and await _missing(",
        tests=("test_a_copy_made_by_any_means_is_refused_until_it_has_caught_up",),
    )
    yield once(
        name="catching up forgets the calls",
        mechanism="a store that catches up learns from results which calls were made",
        file="streams/operations/recovery/results.py",
        old="        called(connection, [trace",
        new="        [].append([trace",
        tests=("test_a_copy_that_caught_up_is_the_store_that_was_lost",),
    )
    yield once(
        name="a result does not prove its call",
        mechanism="a result names the call that its execution made, the same way every time it is stated",
        file="streams/engine/announcing.py",
        old="if outcome.call is not None:",
        new="if outcome.call is not None and outcome.is_new:",
        tests=(
            "test_a_result_that_was_committed_and_not_published_is_stated_with_its_proof",
            "test_what_comes_again_gets_the_same_results_and_nothing_runs_twice",
        ),
    )
    yield Sabotage(
        name="catching up forgets turns",
        promise="isolation",
        mechanism="a store that catches up counts the owners' turns that were taken without it",
        file="streams/operations/recovery/round_robin.py",
        old="(there or 0) + taken)",
        new="there or 0)",
        tests=(
            "test_a_turn_of_an_older_build_after_the_last_numbered_one_is_not_given_again",
            "test_a_store_catches_up_from_what_the_previous_build_stated",
        ),
    )
    yield Sabotage(
        name="catching up takes a call for not made",
        promise="honest",
        mechanism="a store that catches up counts a call of which nothing tells as uncertain",
        file="streams/operations/recovery/catch_up.py",
        old="done.uncertain = await UncommittedCalls(self.installation).take(self.log)",
        new="done.uncertain = []",
        tests=("test_a_call_that_was_made_and_that_no_event_proves_is_uncertain_and_not_made_again",),
    )
    yield once(
        name="catching up that was cut off counts as done",
        mechanism="a store counts as behind from the first moment of catching up to the last",
        file="streams/operations/recovery/watermark.py",
        old="marks.put(connection, marks.CATCH_UP, since)",
        new="pass",
        tests=("test_catching_up_twice_and_after_being_cut_off_changes_nothing_more",),
    )

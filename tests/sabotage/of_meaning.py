"""Sabotages of letters, isolation, replay, order and honesty."""

from __future__ import annotations

from collections.abc import Iterator

from tests.sabotage.sabotage import Sabotage


def letters_and_isolation() -> Iterator[Sabotage]:
    publishing, transaction = "streams/engine/announcing.py", "streams/engine/transaction.py"
    yield Sabotage(
        name="letter's headers altered",
        promise="byte-exact letters",
        mechanism="a letter keeps the header list as it was: order, duplicates and nulls",
        file=publishing,
        old="headers = without_letter(source.headers) + outcome.letter.headers()",
        new="headers = [*dict(without_letter(source.headers)).items(), *outcome.letter.headers()]",
        tests=("test_a_letter_is_the_record_to_the_byte",),
    )
    yield Sabotage(
        name="letter's value altered",
        promise="byte-exact letters",
        mechanism="a letter keeps key and value as they were",
        file=publishing,
        old="return Outgoing(self.names.letters, source.key, source.value, headers)",
        new="return Outgoing(self.names.letters, source.key, (source.value or b'').strip(), headers)",
        tests=("test_a_letter_is_the_record_to_the_byte",),
    )
    yield Sabotage(
        name="changed bytes replayed",
        promise="byte-exact letters",
        mechanism="a replay whose bytes are not the letter's is refused",
        file="streams/engine/reading.py",
        old="request.value_sha256 != sha256_of(record.value)",
        new="False",
        tests=("test_a_replayed_record_whose_bytes_were_changed_is_refused",),
    )
    yield Sabotage(
        name="changes of a failed action kept",
        promise="isolation",
        mechanism="what a failed action staged is dropped",
        file=transaction,
        old="whatever an action raises becomes a letter\n            batch.drop()",
        new="whatever an action raises becomes a letter\n            batch.keep()",
        tests=("test_a_failed_action_leaves_no_trace_and_its_neighbours_are_untouched",),
    )
    yield Sabotage(
        name="one refused row fails its neighbours",
        promise="isolation",
        mechanism="a batch that the database refuses is halved until the one record stands alone",
        file="streams/store/engine.py",
        old="if len(items) > 1:",
        new="if False:",
        tests=("test_a_contact_that_the_database_refuses_fails_alone",),
    )
    yield Sabotage(
        name="an outage pauses nothing",
        promise="isolation",
        mechanism="a step whose dependency fails every time, or whose letters flood, begins nothing but a probe",
        file="streams/engine/pauses.py",
        old="return not all(breaker.allows for breaker in self._breakers(step))",
        new="return False",
        tests=(
            "test_an_outage_pauses_its_step_and_drains_with_one_mail_each",
            "test_a_flood_of_defects_pauses_its_step_at_the_limit_and_goes_on_when_they_end",
        ),
    )
    yield Sabotage(
        name="a cancelled run goes on",
        promise="isolation",
        mechanism="no action runs of a run that a person cancelled",
        file=transaction,
        old="return CANCELLED\n",
        new="return None\n",
        tests=("test_a_cancelled_run_calls_nobody_and_leaves_no_open_letter",),
    )
    yield Sabotage(
        name="owner's turn not written",
        promise="isolation",
        mechanism="an owner's turn is taken once",
        file="streams/store/roster.py",
        old="if self._first is not None and self._kept:",
        new="if False:",
        tests=("TestSqlRoster::test_turns_count_from_zero",),
    )
    yield Sabotage(
        name="round robin not in the transaction",
        promise="isolation",
        mechanism="an owner's turn is written with the assignment that took it, or not at all",
        file="streams/store/roster.py",
        old='"""Leave the action\'s turns to the next one: it failed."""\n        self._staged = 0',
        new='"""Leave the action\'s turns to the next one: it failed."""\n        self.keep()',
        tests=("TestSqlRosterInOneBatch::test_the_turn_of_a_failed_action_goes_to_the_next",),
    )


def replay_time_and_doubt() -> Iterator[Sabotage]:
    yield Sabotage(
        name="replay not fenced by generation",
        promise="replay does not disturb",
        mechanism="a request for a failure that has failed again since then runs nothing",
        file="streams/engine/ledger_entries.py",
        old="row.generation <= execution.request.generation",
        new="True",
        tests=("test_a_request_for_a_failure_that_has_failed_again_since_then_runs_nothing",),
    )
    yield Sabotage(
        name="two workers replay one letter",
        promise="replay does not disturb",
        mechanism="an outcome is written only over the failure that was replayed",
        file="streams/store/ledger.py",
        old=".rowcount != 1:",
        new=".rowcount == -1:",
        tests=("test_what_is_based_on_an_older_reading_is_refused",),
    )
    yield Sabotage(
        name="old copy of a letter reopens it",
        promise="replay does not disturb",
        mechanism="a letter of a generation that is known changes nothing in the index",
        file="streams/store/letters.py",
        old="where=is_newer & is_there)",
        new="where=None)",
        tests=("test_a_letter_that_is_indexed_anew_is_closed_by_the_first_request_as_done_before",),
    )
    yield Sabotage(
        name="retry deadline ignored",
        promise="replay does not disturb",
        mechanism="retries end a day after the first failure, and a person is asked",
        file="streams/engine/failures.py",
        old="if left <= timedelta(0):",
        new="if False:",
        tests=("test_the_other_sides_word_and_the_end_of_patience_decide_when_it_is_tried_again",),
    )
    yield Sabotage(
        name="merge without time",
        promise="order-free",
        mechanism="of each field the later event wins",
        file="actions/merge.py",
        old="return ours > theirs",
        new="return True",
        tests=(
            "test_merge_is_commutative",
            "test_an_older_event_that_is_replayed_late_fills_gaps_and_overwrites_nothing_newer",
        ),
    )
    yield Sabotage(
        name="UNCERTAIN treated as may-repeat",
        promise="honest",
        mechanism="a call that was cut off is not repeated unless that is declared or decided",
        file="streams/store/effects.py",
        old="(item.may_repeat or is_decided)",
        new="True",
        tests=(
            "test_a_crash_between_a_call_and_its_outcome_is_uncertain_and_not_repeated",
            "TestSqlEffects::test_an_uncertain_call_is_not_repeated_by_its_event",
        ),
    )
    yield Sabotage(
        name="a call that failed in an unknown way counts as not made",
        promise="honest",
        mechanism="an adapter's unknown failure is uncertain",
        file="streams/engine/effects.py",
        old="except (TransientError, PermanentError):",
        new="except Exception:",
        tests=("test_a_call_that_fails_in_a_way_nobody_knows_is_in_doubt_and_not_made_again",),
    )
    yield Sabotage(
        name="an event whose id came before with other content passes for it",
        promise="honest",
        mechanism="the ledger compares what an id said",
        file="streams/engine/ledger_entries.py",
        old="if execution.decoded.digest != row.digest and not is_edited:",
        new="if False:",
        tests=("test_the_same_id_is_a_repetition_with_the_same_content_and_an_error_with_other",),
    )
    yield Sabotage(
        name="an event with other headers passes for one's own",
        promise="honest",
        mechanism="only the very bytes and headers that were published skip the parser",
        file="streams/engine/event_cache.py",
        old="if event is None or event.headers != headers:",
        new="if event is None:",
        tests=("test_only_the_very_bytes_and_headers_on_the_right_topic_are_ones_own",),
    )

"""Sabotages of what people do with dead letters: audit, edits, plans, replay jobs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.sabotage.sabotage import Sabotage


def decisions() -> Iterator[Sabotage]:
    """Yield the sabotages of dead letters that people decide about."""
    undisturbed = partial(Sabotage, promise="replay does not disturb")
    honest = partial(Sabotage, promise="honest")
    yield honest(
        name="what the audit does not take is done all the same",
        mechanism="nothing is done to a letter that is not written into the audit topic first",
        file="streams/dead_letters/audit.py",
        old="        except (TimeoutError, PublishError) as error:\n",
        new="        except (TimeoutError, PublishError) as error:\n            return\n",
        tests=("test_a_command_that_cannot_be_audited_changes_no_letter",),
    )
    yield Sabotage(
        name="an edit takes the place of the original",
        promise="byte-exact letters",
        mechanism="an edit keeps the record as it failed first",
        file="streams/store/letter_changes.py",
        old="original_value=sa.case((_COLUMN.edits == 0, _COLUMN.record_value), else_=_COLUMN.original_value),",
        new="original_value=None,",
        tests=("test_an_edit_is_what_a_replay_sends_and_the_first_value_stays_readable",),
    )
    yield honest(
        name="an old copy brings back what was erased",
        mechanism="no copy of a letter brings back a record that a person had erased",
        file="streams/store/letters.py",
        old=" & is_there",
        new="",
        tests=("test_an_erased_record_is_gone_for_good_and_no_copy_brings_it_back",),
    )
    yield Sabotage(
        name="an open letter is forgotten with its topic",
        promise="never lost",
        mechanism="an open letter whose record retention takes stays, as one that is lost",
        file="streams/operations/pruning.py",
        old="await self._prune(letter_pruning.expire, letters_before)",
        new="await self._prune(partial(letter_pruning.prune, statuses=letters.OPEN), letters_before)",
        tests=("test_an_open_letter_stays_as_long_as_its_topic_may_hold_it_and_then_as_lost",),
    )
    yield undisturbed(
        name="a preview may write",
        mechanism="the database itself refuses what a preview would write",
        file="streams/store/engine.py",
        old='connection.exec_driver_sql("PRAGMA query_only=ON")',
        new="pass",
        tests=("test_the_database_itself_refuses_what_a_preview_would_write",),
    )
    yield undisturbed(
        name="a job replays what has changed since its plan",
        mechanism="a letter that was edited or has failed again since the plan is left out",
        file="streams/dead_letters/planned_letters.py",
        old="changed = planned.changed(row)",
        new="changed = None",
        tests=("test_a_letter_that_has_changed_since_the_plan_is_skipped_with_the_reason",),
    )
    yield undisturbed(
        name="a job replays what would come to something else now",
        mechanism="a letter is previewed again right before it is asked for",
        file="streams/dead_letters/planned_letters.py",
        old="if changed is None and would != planned.would:",
        new="if False:",
        tests=("test_a_letter_whose_replay_would_end_differently_now_is_skipped",),
    )
    yield undisturbed(
        name="a canary does not wait",
        mechanism="a canary step waits for all its outcomes",
        file="streams/dead_letters/job_limits.py",
        old="if ended < step_end:",
        new="if ended < step_end < 0:",
        tests=("test_a_canary_stops_at_its_first_letter_and_leaves_the_others_untouched",),
    )
    yield undisturbed(
        name="two jobs take one letter",
        mechanism="a letter belongs to one replay job at a time",
        file="streams/store/letter_changes.py",
        old="STATUS.in_(of), _COLUMN.job.is_(None)",
        new="STATUS.in_(of)",
        tests=("test_a_letter_belongs_to_one_job_at_a_time",),
    )
    yield undisturbed(
        name="two processes work on one job",
        mechanism="a process whose job was taken over ends",
        file="streams/store/jobs.py",
        old="is_held = (_JOB.id == job) & (_JOB.holder == holder)",
        new="is_held = _JOB.id == job",
        tests=("test_a_process_that_wakes_up_late_leaves_its_job_to_the_one_that_took_it_over",),
    )
    yield undisturbed(
        name="what failed for good is asked for again and again",
        mechanism="what was refused for good outside is not asked for while neither record nor build has changed",
        file="streams/dead_letters/plan.py",
        old="if self.is_unchanged:",
        new="if False:",
        tests=("test_a_refused_letter_is_not_replayed_until_its_record_or_the_build_changes",),
    )
    yield undisturbed(
        name="a job goes before live traffic",
        mechanism="a job asks for nothing while workers are behind",
        file="streams/dead_letters/job.py",
        old="self._live.leaves_room()",
        new="True",
        tests=("test_a_job_asks_for_nothing_while_live_traffic_is_behind",),
    )
    yield honest(
        name="a letter overtakes what follows of another",
        mechanism="a letter about a contact waits until what followed of an earlier one is done",
        file="streams/dead_letters/planned_letters.py",
        old="self._busy.begin(item, self._last_outcome)",
        new="pass",
        tests=("test_a_letter_waits_for_the_downstream_steps_of_its_contacts_earlier_letter",),
    )
    yield honest(
        name="late replays do not ask",
        mechanism="a replay that comes later than its action's max_age asks",
        file="streams/engine/staleness.py",
        old="decided = request.stale or action.on_stale",
        new='decided = request.stale or "run"',
        tests=("test_a_welcome_asks_once_it_is_older_than_its_max_age",),
    )


def hostile_records() -> Iterator[Sabotage]:
    """Yield the sabotages of records that are harmful, by intent or by accident."""
    yield Sabotage(
        name="a header name that is not UTF-8 stops every worker",
        promise="isolation",
        mechanism="records whose header names are not UTF-8 are read all the same",
        file="streams/kafka/header_names.py",
        old="except UnicodeDecodeError:",
        new="except ZeroDivisionError:",
        tests=("test_every_record_is_read_in_its_order_and_the_name_is_written_out",),
    )
    yield Sabotage(
        name="a record that no letter can hold stops its partition",
        promise="isolation",
        mechanism="a letter that would be larger than its topic takes is written without the bytes",
        file="streams/engine/announcing.py",
        old="if not fits_a_letter(source.key, source.value, headers):",
        new="if False:",
        tests=(
            (
                "test_a_record_that_no_letter_can_hold_is_kept_as_place_and_hash_and_is_not_replayed_"
                "without_its_bytes"
            ),
        ),
    )
    yield Sabotage(
        name="changed bytes pass at the second replay",
        promise="byte-exact letters",
        mechanism="the letter of a replay that was refused still names the bytes that failed first",
        file="streams/engine/failures.py",
        old="            value_sha256=request.value_sha256,\n",
        new="",
        tests=("test_changed_bytes_are_refused_again_when_their_letter_is_replayed",),
    )

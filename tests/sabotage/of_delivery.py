"""Sabotages by which records are lost, or things are done twice."""

from __future__ import annotations

from collections.abc import Iterator

from tests.sabotage.sabotage import Sabotage


def never_lost() -> Iterator[Sabotage]:
    def sabotage(name: str, mechanism: str, file: str, old: str, new: str, *tests: str) -> Sabotage:
        return Sabotage(
            name=name, promise="never lost", mechanism=mechanism, file=file, old=old, new=new, tests=tests
        )

    processor = "streams/engine/processor.py"
    publish = "await self._publisher.publish([self._announcer.outgoing(outcome) for outcome in own])"
    later = '__import__("asyncio").ensure_future(self._publisher.publish('
    yield sabotage(
        "acknowledge before the work",
        "a batch is acknowledged after its work has ended",
        "streams/engine/faust/agents.py",
        'reach("settle.before")',
        'batch.end(name, is_settled=True); reach("settle.before")',
        "test_a_batch_counts_as_settled_only_when_all_its_work_is_done",
    )
    yield sabotage(
        "acknowledge on exception",
        "a batch whose work fails is not acknowledged",
        "streams/engine/faust/agents.py",
        "is_settled = False",
        "is_settled = True",
        "test_a_batch_whose_work_fails_is_not_settled_and_the_agent_goes_on",
    )
    yield sabotage(
        "commit past a gap",
        "offsets are committed up to the lowest batch that is not settled",
        "streams/engine/faust/transport.py",
        "while queue and queue[0][1].is_settled:",
        "while queue and queue[-1][1].is_settled:",
        "test_offsets_are_committed_up_to_the_lowest_batch_that_is_not_settled",
    )
    yield sabotage(
        "results not awaited",
        "the processor waits until the broker has the results",
        processor,
        publish,
        f"{later}[self._announcer.outgoing(o) for o in own if not isinstance(o, DeadLettered)])); "
        "await self._publisher.publish([self._announcer.outgoing(o) for o in own if isinstance(o, DeadLettered)])"
        " if any(isinstance(o, DeadLettered) for o in own) else None",
        "test_a_batch_is_not_done_before_the_broker_has_what_came_of_it[sqlite-result]",
    )
    yield sabotage(
        "letters not awaited",
        "the processor waits until the broker has the letters",
        processor,
        publish,
        f"{later}[self._announcer.outgoing(o) for o in own if isinstance(o, DeadLettered)])); "
        "await self._publisher.publish([self._announcer.outgoing(o) for o in own if not isinstance(o, DeadLettered)])"
        " if not all(isinstance(o, DeadLettered) for o in own) else None",
        "test_a_batch_is_not_done_before_the_broker_has_what_came_of_it[sqlite-letter]",
    )
    yield sabotage(
        "the broker's answer not awaited",
        "the publisher waits for the broker's answer to each record",
        "streams/kafka/producer.py",
        "await _all(futures)",
        "pass",
        "test_what_the_broker_refuses_fails_alone_and_what_comes_after_it_is_taken",
        "test_fact_4_a_record_whose_result_the_broker_rejects_is_not_committed_past[Ours-False]",
    )
    yield sabotage(
        "poison acknowledged without a letter",
        "what cannot be read is published as a letter",
        processor,
        "outcomes: list[Outcome] = list(reading.letters)",
        "outcomes: list[Outcome] = []",
        "test_a_batch_is_not_done_before_the_broker_has_what_came_of_it[sqlite-letter]",
        "test_a_record_whose_timestamp_is_no_time_becomes_a_letter",
    )
    yield sabotage(
        "a retry that was lost on its way is not asked for again",
        "a retry is leased: one that is not heard of is due again",
        "streams/store/letter_replays.py",
        "mark_replaying(connection, ids, now_us + lease_us)",
        "mark_replaying(connection, ids, None)",
        "test_a_retry_without_an_outcome_is_requested_again_after_its_lease",
    )
    yield sabotage(
        "what was put aside is committed",
        "offsets are committed up to what an agent put aside while its step pauses",
        "streams/engine/faust/transport.py",
        "begins = [backlog.first_offset(tp) for backlog in self.transport.backlogs.get(tp.topic, ())]",
        "begins = [None]",
        "test_what_an_agent_put_aside_is_not_committed",
    )
    yield sabotage(
        "later records overtake those put aside",
        "what comes while something is put aside goes behind it",
        "streams/engine/faust/agents.py",
        "if self.backlog.is_empty:",
        "if True:",
        "test_what_pauses_goes_into_the_backlog_and_what_comes_later_behind_it",
    )
    yield sabotage(
        "a retry of a step that pauses is dropped",
        "a retry that was asked for while its step pauses is due again when it goes on",
        processor,
        "await self._put_back(put_back)",
        "put_back.clear()",
        "test_a_retry_that_was_asked_for_waits_with_its_step_and_is_not_lost",
    )


def effects_once() -> Iterator[Sabotage]:
    def sabotage(name: str, mechanism: str, file: str, old: str, new: str, *tests: str) -> Sabotage:
        return Sabotage(
            name=name, promise="effects once", mechanism=mechanism, file=file, old=old, new=new, tests=tests
        )

    yield sabotage(
        "ids not derived",
        "the id of a result is derived from its cause, so the ledger finds it",
        "topics/ids.py",
        "return derive_text(source, event_id, action, version)",
        "return derive_text(source, event_id, action, version, __import__('time').time_ns())",
        "test_what_comes_again_gets_the_same_results_and_nothing_runs_twice",
    )
    effects, outside = "streams/store/effects.py", "streams/engine/external_calls.py"
    yield sabotage(
        "no ledger look-up",
        "the ledger answers a record that comes again",
        "streams/engine/transaction.py",
        "known = ledger.find(connection, (execution.ledger_id for execution in executions))",
        "known = {}",
        "test_what_comes_again_gets_the_same_results_and_nothing_runs_twice",
    )
    yield sabotage(
        "no ledger look-up before calls",
        "the ledger answers a record that comes again before anything is called",
        outside,
        "known, calls = await self._database.run(lambda connection: _known(connection, unique))",
        "known, calls = {}, {}",
        "test_a_second_request_for_the_same_letter_is_a_noop",
    )
    yield sabotage(
        "intent not written before the call",
        "the intent is committed before the call",
        effects,
        "insert_many(connection, effects, _NEW, new)",
        "pass",
        "test_a_crash_between_a_call_and_its_outcome_is_uncertain_and_not_repeated",
        "TestSqlEffects::test_a_call_is_made_once_and_its_reference_kept",
    )
    yield sabotage(
        "outcome not written",
        "the outcome is committed after the call",
        "streams/engine/intents.py",
        "effects.mark(connection, [mark for finish in finishes for mark in finish.marks], now_us)",
        "pass",
        "test_two_leads_of_one_person_in_one_batch_are_one_contact_one_owner_one_welcome",
        "test_a_mail_server_that_is_down_delays_the_welcome_and_nothing_else",
    )
    yield sabotage(
        "two calls to one person race",
        "what is about one contact is called one after the other",
        outside,
        "chains.setdefault(execution.contact_key or execution.lead_id, deque())",
        "chains.setdefault(str(id(execution)), deque())",
        "test_two_leads_of_one_person_in_one_batch_are_one_contact_one_owner_one_welcome",
    )
    yield sabotage(
        "revoked batch goes on calling",
        "nothing is called for records that went to another worker",
        outside,
        "if self._is_stopping or batch.is_revoked:",
        "if self._is_stopping:",
        "test_no_call_is_begun_for_records_that_went_to_another_worker",
    )
    yield sabotage(
        "calls go on during a stop",
        "a worker that stops begins no call",
        outside,
        "if self._is_stopping or batch.is_revoked:",
        "if batch.is_revoked:",
        "test_a_worker_that_stops_begins_no_call_and_the_next_one_makes_the_rest",
    )
    yield sabotage(
        "stale contact written",
        "a contact is written only over the row version that was read",
        "streams/store/contacts.py",
        "!= len(rows):",
        "== -1:",
        "test_what_is_based_on_an_older_reading_is_refused",
    )
    yield sabotage(
        "expired event executed",
        "an event whose time is over calls nobody",
        outside,
        "skip_failure(execution, now, self._pauses.cancelled) or skipped(",
        "skipped(",
        "test_a_retry_that_comes_after_the_events_expiry_calls_nobody",
    )
    yield sabotage(
        "two workers take one call",
        "a call is granted only if nobody took it since it was read",
        effects,
        "if taken and connection.execute(_TAKE, taken).rowcount != len(taken):",
        "if taken and connection.execute(_TAKE, taken).rowcount == -1:",
        "test_a_call_that_another_worker_took_after_it_was_read_is_not_made",
    )
    yield sabotage(
        "a call that was made counts as not made",
        "what was called stays called",
        effects,
        "    .where(effects.c.status != CALLED)\n",
        "",
        "test_a_call_that_was_made_stays_made_whatever_its_second_execution_states",
    )
    yield sabotage(
        "outcome given up while the store is away",
        "the outcome of a call waits for the store",
        "streams/engine/intents.py",
        "except (StoreUnavailableError, StoreBusyError) as error:",
        "except ZeroDivisionError as error:",
        "test_the_outcome_that_was_written_first_counts_also_after_an_outage",
    )
    yield sabotage(
        "the second worker's outcome counts",
        "the outcome that was written first counts",
        "streams/engine/intents.py",
        "answers.append(row)  # another",
        "answers.append(finish.row)  # a second",
        "test_the_outcome_that_was_written_first_counts_also_after_an_outage",
    )
    yield sabotage(
        "a batch that was taken away is begun",
        "work on a batch begins only while its partitions are ours",
        "streams/engine/faust/batch.py",
        "if self.is_revoked:",
        "if False:",
        "test_a_batch_that_was_taken_away_is_not_begun",
    )

"""Which workers count as live, ready or stuck, on a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from streams.engine.faust.snapshot import ConsumerSnapshot, TopicProgress
from streams.operations.health.checks import HealthCheck, HealthVerdict
from streams.operations.health.progress import BROKER, STORE, Part, WorkerProgress

LIMIT_S = 60
MAIL, WEBHOOK = "mail", "webhook"
TOPIC = "crm.leads.received.v1"
IDLE = TopicProgress(partitions=12)
BUSY = TopicProgress(partitions=12, waiting=500, given=100, settled=7, oldest_ms=4_000)


@dataclass
class Bench:
    """A worker's progress, its check, and a clock."""

    now: float = 1_000.0
    is_beating: bool = True
    is_polling: bool = True
    snapshot: ConsumerSnapshot | None = field(
        default_factory=lambda: ConsumerSnapshot(is_joined=True, topics={TOPIC: IDLE})
    )
    broker_is_heard: bool = True
    polls: int = 0

    def __post_init__(self) -> None:
        self.progress = WorkerProgress(silent_after_s=10, clock=lambda: self.now)
        for name in (MAIL, WEBHOOK):
            self.progress.dependency(name)
        self.check = HealthCheck(self.progress, limit_s=LIMIT_S, wall=lambda: 10.0)
        self.agent = self.progress.part("validate_lead", TOPIC)
        self.heard_at = self.now

    def show(self, progress: TopicProgress, *, is_joined: bool = True) -> None:
        self.snapshot = ConsumerSnapshot(is_joined=is_joined, topics={TOPIC: progress})

    def live(self, seconds: int) -> HealthVerdict:
        """Let seconds pass as in a worker: beats, polls and looks go on."""
        for _ in range(seconds):
            self.now += 1
            self.polls += self.is_polling
            if self.broker_is_heard:
                self.heard_at = self.now
            if self.is_beating:
                at = self.snapshot
                now = at and ConsumerSnapshot(at.is_joined, self.polls, at.topics, self.heard_at)
                self.progress.beat(now)
            self.check.look()
        return self.check.look()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_idle_worker_is_live_and_ready_for_ever(bench: Bench) -> None:
    verdict = bench.live(10_000)

    assert (verdict.stuck, verdict.unready) == ((), ())


def test_an_agent_that_has_work_and_does_not_get_on_is_stuck_at_the_limit(bench: Bench) -> None:
    bench.live(100)
    bench.agent.begin()

    before = bench.live(LIMIT_S)
    at_the_limit = bench.live(1)

    assert before.stuck == ()
    assert at_the_limit.stuck == ("validate_lead has work and has made no progress for 60 s",)


def test_it_is_not_ready_for_half_the_limit_before_that(bench: Bench) -> None:
    bench.live(1)
    bench.agent.begin()

    assert bench.live(LIMIT_S // 2).unready == ()
    assert bench.live(1).unready == ("validate_lead has made no progress for 30 s",)


def test_a_slow_agent_that_gets_on_is_never_stuck(bench: Bench) -> None:
    bench.show(BUSY)
    bench.agent.begin()

    for _ in range(20):
        verdict = bench.live(LIMIT_S // 2 - 1)
        assert (verdict.stuck, verdict.unready) == ((), ())
        bench.agent.move()


def test_an_agent_that_begins_the_same_again_and_again_by_a_defect_is_stuck(bench: Bench) -> None:
    bench.show(BUSY)

    for _ in range(LIMIT_S // 5):
        bench.agent.begin()
        bench.live(1)
        bench.agent.end(is_step=False)
        bench.live(4)
    verdict = bench.live(1)

    assert verdict.stuck == (f"what was handed over of {TOPIC} has work and has made no progress for 60 s",)


def test_what_was_handed_over_and_nobody_took_up_is_stuck(bench: Bench) -> None:
    bench.show(BUSY)

    assert bench.live(LIMIT_S).stuck == ()
    assert bench.live(1).stuck == (
        f"what was handed over of {TOPIC} has work and has made no progress for 60 s",
    )


def test_a_worker_that_has_partitions_and_asks_for_no_records_is_stuck(bench: Bench) -> None:
    bench.live(1)
    bench.is_polling = False

    assert bench.live(LIMIT_S).stuck == ("fetching records has work and has made no progress for 60 s",)


def test_a_worker_without_partitions_asks_for_none(bench: Bench) -> None:
    bench.snapshot = ConsumerSnapshot(is_joined=True)
    bench.is_polling = False

    verdict = bench.live(10 * LIMIT_S)

    assert (verdict.stuck, verdict.unready) == ((), ())


def test_an_outage_of_the_store_is_waited_out_however_long_and_named(bench: Bench) -> None:
    bench.show(BUSY)
    bench.agent.begin()
    bench.progress.dependencies[STORE].failed("OperationalError")

    verdict = bench.live(100 * LIMIT_S)

    assert verdict.stuck == ()
    assert verdict.unready == (
        "store: OperationalError, for 6000 s",
        f"the lag of {TOPIC} has made no progress for 5999 s",
    )


def test_an_agent_has_the_whole_limit_again_after_an_outage(bench: Bench) -> None:
    store = bench.progress.dependencies[STORE]
    bench.agent.begin()
    bench.live(LIMIT_S - 1)
    store.failed("OperationalError")
    bench.live(LIMIT_S)
    store.answered()

    assert bench.live(LIMIT_S).stuck == ()
    assert bench.live(1).stuck != ()


def test_a_store_that_does_not_answer_is_trouble_but_no_excuse(bench: Bench) -> None:
    bench.live(1)
    bench.agent.begin()
    bench.progress.dependencies[STORE].asked()

    assert bench.live(11).unready == ("store: no answer for 11 s",)
    assert bench.live(LIMIT_S).stuck != ()


def test_a_broker_that_answers_nothing_is_waited_for(bench: Bench) -> None:
    bench.live(1)
    bench.agent.begin()
    bench.broker_is_heard = False

    verdict = bench.live(10 * LIMIT_S)

    assert (verdict.stuck, verdict.unready) == ((), ("broker: not heard of for 600 s",))


def test_a_broker_that_takes_no_records_is_waited_for_though_it_is_heard_of(bench: Bench) -> None:
    bench.agent.begin()
    bench.progress.dependencies[BROKER].failed("the broker did not take 3 records")

    assert bench.live(10 * LIMIT_S).stuck == ()


@pytest.mark.parametrize("name", [MAIL, WEBHOOK])
def test_mail_server_and_webhook_are_reported_and_excuse_no_hang(bench: Bench, name: str) -> None:
    bench.live(1)
    bench.progress.dependencies[name].failed("SMTP_UNREACHABLE")

    away = bench.live(5)
    bench.agent.begin()
    hanging = bench.live(LIMIT_S + 1)

    assert away.unready == ()
    assert away.document["dependencies"][name] == {
        "seen_s": None,
        "trouble": "SMTP_UNREACHABLE, for 5 s",
    }
    assert hanging.stuck != ()


def test_a_blocked_event_loop_is_stuck_whatever_is_away_and_does_not_accuse_the_broker(bench: Bench) -> None:
    bench.live(1)
    bench.progress.dependencies[STORE].failed("OperationalError")
    bench.is_beating = bench.broker_is_heard = False

    verdict = bench.live(LIMIT_S)

    assert "the event loop has work and has made no progress for 60 s" in verdict.stuck
    assert bench.progress.away == (STORE,)


def test_a_process_that_was_stopped_for_an_hour_is_not_stuck_when_it_goes_on(bench: Bench) -> None:
    bench.show(BUSY)
    bench.agent.begin()
    bench.live(5)

    bench.now += 3_600
    verdict = bench.check.look()

    assert verdict.stuck == ()


def test_it_is_not_ready_before_it_joined_and_during_a_rebalance(bench: Bench) -> None:
    sentence = "it is not in its group: it has just started, or a rebalance is under way"

    assert bench.check.look().unready == (sentence,)
    bench.show(IDLE, is_joined=False)
    assert bench.live(1).unready == (sentence,)
    bench.show(IDLE)
    assert bench.live(1).unready == ()
    bench.snapshot = None
    assert bench.live(1).unready == (sentence,)


def test_the_document_has_lag_age_and_dependencies(bench: Bench) -> None:
    bench.show(BUSY)
    bench.live(2)
    bench.progress.dependencies[STORE].answered()
    bench.progress.dependencies[MAIL].failed("SMTP_TEMPORARY")
    bench.agent.begin()

    document = bench.live(3).document

    assert document == {
        "live": True,
        "ready": True,
        "because": [],
        "topics": {TOPIC: {"partitions": 12, "waiting": 500, "given": 100, "oldest_unsettled_s": 6.0}},
        "dependencies": {
            "store": {"seen_s": 3.0, "trouble": None},
            "broker": {"seen_s": None, "trouble": None},
            "mail": {"seen_s": None, "trouble": "SMTP_TEMPORARY, for 3 s"},
            "webhook": {"seen_s": None, "trouble": None},
        },
        "parts": {"validate_lead": {"is_busy": True, "still_s": 2.0}},
    }


def test_partitions_add_up_to_the_progress_of_their_topic() -> None:
    progress = (
        TopicProgress()
        .with_partition(waiting=5, given=2, settled=100, stamps=[30, 20])
        .with_partition(waiting=1, given=0, settled=7, stamps=[])
        .with_partition(waiting=0, given=0, settled=3, stamps=[25])
    )

    assert progress == TopicProgress(partitions=3, waiting=6, given=2, settled=110, oldest_ms=20)


def test_a_part_is_opened_once(bench: Bench) -> None:
    assert bench.progress.part("validate_lead", TOPIC) is bench.agent
    assert isinstance(bench.agent, Part)

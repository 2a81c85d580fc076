"""What a sabotage is, which promises there are, and the files of the tests that hold them."""

from __future__ import annotations

from dataclasses import dataclass

ACKNOWLEDGING = "tests/unit/engine/faust/test_acknowledging.py::"
WAITING = "tests/unit/engine/test_waiting_for_the_broker.py::"
LETTERS = "tests/unit/engine/test_letters_and_doubt.py::"
ONBOARDING = "tests/unit/engine/test_onboarding.py::"
REVIEW = "tests/unit/engine/test_core_review.py::"
RACES = "tests/unit/engine/test_races.py::"
OWN = "tests/unit/engine/test_own_events.py::"
ADAPTERS = "tests/unit/store/test_ports.py::"
PAUSES = "tests/unit/engine/test_pauses.py::"
BACKLOG = "tests/unit/engine/faust/test_backlog.py::"
MERGE = "tests/unit/actions/test_merge.py::"
INTENTS = "tests/unit/engine/test_intents.py::"
PROOFS = "tests/unit/engine/test_effect_headers.py::"
TURNS = "tests/unit/operations/recovery/test_round_robin.py::"
CATCH_UP = "tests/unit/operations/recovery/test_catch_up.py::"
CHANGES = "tests/unit/dead_letters/test_letter_changes.py::TestLetterChanges::"
FATES = "tests/unit/dead_letters/test_letter_changes.py::TestLetterFates::"
JOBS = "tests/unit/dead_letters/test_replay_jobs.py::TestReplayJobs::"
RESUMING = "tests/unit/dead_letters/test_replay_jobs.py::TestReplayResuming::"
PLANS = "tests/unit/dead_letters/test_replay_jobs.py::TestReplayPlans::"
PREVIEW = "tests/unit/dead_letters/test_preview.py::"
STALENESS = "tests/unit/engine/test_staleness.py::"
HEADER_NAMES = "tests/unit/kafka/test_header_names.py::"
YEAR = "tests/unit/engine/test_a_year.py::"
FACTS = "tests/integration/faust_facts/test_faust_facts.py::"
KAFKA = "tests/integration/test_log_on_kafka.py::TestLogOnKafka::"

PROMISES = (
    "never lost",
    "effects once",
    "byte-exact letters",
    "isolation",
    "replay does not disturb",
    "order-free",
    "honest",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """One mechanism and how to take it out."""

    name: str
    promise: str
    mechanism: str
    """What the line does that is taken out, as a sentence without its full stop."""
    file: str
    old: str
    """Text that occurs exactly once in the file."""
    new: str
    tests: tuple[str, ...]
    """Tests that must fail, as pytest names them; of a parametrized one, at least one case."""

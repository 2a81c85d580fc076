"""This file says what a sabotage is, which promises there are, and where the tests that hold them stand."""

from __future__ import annotations

from dataclasses import dataclass

ACKNOWLEDGING = "tests/unit/test_acknowledging.py::"
WAITING = "tests/unit/processing/test_waiting_for_the_broker.py::"
LETTERS = "tests/unit/processing/test_letters_and_doubt.py::"
ONBOARDING = "tests/unit/processing/test_onboarding_on_sqlite.py::"
REVIEW = "tests/unit/processing/test_core_review_on_sqlite.py::"
RACES = "tests/unit/processing/test_races.py::"
OWN = "tests/unit/processing/test_own_events.py::"
ADAPTERS = "tests/unit/processing/test_adapters_on_sqlite.py::"
PAUSES = "tests/unit/processing/test_pauses.py::"
BACKLOG = "tests/unit/test_backlog.py::"
MERGE = "tests/unit/actions/test_merge.py::"
INTENTS = "tests/unit/processing/test_intents.py::"
PROOFS = "tests/unit/processing/test_effect_headers.py::"
TURNS = "tests/unit/recovery/test_round_robin.py::"
CATCH_UP = "tests/unit/recovery/test_catch_up.py::"
CHANGES = "tests/unit/dead_letters/test_letter_changes.py::TestLetterChangesOnSqlite::"
FATES = "tests/unit/dead_letters/test_letter_changes.py::TestLetterFatesOnSqlite::"
JOBS = "tests/unit/dead_letters/test_replay_jobs.py::TestReplayJobsOnSqlite::"
RESUMING = "tests/unit/dead_letters/test_replay_jobs.py::TestReplayResumingOnSqlite::"
PLANS = "tests/unit/dead_letters/test_replay_jobs.py::TestReplayPlansOnSqlite::"
PREVIEW = "tests/unit/dead_letters/test_preview.py::"
STALENESS = "tests/unit/processing/test_staleness.py::"
HEADER_NAMES = "tests/unit/test_header_names.py::"
YEAR = "tests/unit/processing/test_a_year_on_sqlite.py::"
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

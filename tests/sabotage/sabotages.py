"""All sabotages: one changed line each, the promise it breaks, and the tests that must fail."""

from __future__ import annotations

from tests.sabotage.of_care import losses
from tests.sabotage.of_delivery import effects_once, never_lost
from tests.sabotage.of_meaning import letters_and_isolation, replay_time_and_doubt
from tests.sabotage.of_people import consent_and_identity
from tests.sabotage.of_replay import decisions, hostile_records

SABOTAGES = (
    *never_lost(),
    *effects_once(),
    *letters_and_isolation(),
    *replay_time_and_doubt(),
    *losses(),
    *decisions(),
    *hostile_records(),
    *consent_and_identity(),
)

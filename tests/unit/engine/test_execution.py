"""Ids and keys of an execution."""

from __future__ import annotations

import pytest

from streams.engine.execution import Execution, Source
from streams.onboarding import ONBOARDING
from tests.unit.actions.examples import ENVELOPE, assigned
from topics.decode import Decoded, Position
from topics.events import LeadReceived
from topics.ids import result_id
from topics.limits import MAX_ATTRIBUTE

SOURCE = Source(Position("topic", 0, 5, 0), b"k", b"{}", [])


def test_the_ledger_id_is_the_id_of_the_result() -> None:
    execution = Execution(SOURCE, ONBOARDING.step("send_welcome_email"), Decoded(ENVELOPE, assigned(), None))

    assert execution.result_id == result_id(ENVELOPE.source, ENVELOPE.id, "send-welcome-email", 1)
    assert execution.ledger_id.hex() == execution.result_id.replace("-", "")
    assert execution.effect_key == f"welcome:{assigned().contact_key}"


def test_a_strangers_field_is_not_taken_for_the_contact_key_and_a_long_id_is_cut() -> None:
    lead = LeadReceived.model_validate({"email": "a@example.com", "contact_key": ["x"], "lead_id": "x" * 600})
    execution = Execution(SOURCE, ONBOARDING.step("validate_lead"), Decoded(ENVELOPE, lead, b"digest"))

    assert execution.contact_key is None
    assert execution.lead_id == "x" * MAX_ATTRIBUTE
    with pytest.raises(ValueError, match="validate_lead declares no effect"):
        _ = execution.effect_key

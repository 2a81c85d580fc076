"""The call of an execution: proven by headers, by the field of an older build, or found by running the action."""

from __future__ import annotations

import pytest

from actions.action import Effect
from streams.engine.execution import Execution, MadeCall, Source
from streams.onboarding import ONBOARDING
from streams.operations.recovery.effect_keys import proven, would_claim
from streams.testing import World, adapters_of
from tests.unit.actions.examples import ANNA_KEY, ENVELOPE, assigned, envelope
from topics.decode import Decoded, Position
from topics.envelope import Envelope
from topics.events import Contact, LeadAssigned, LeadWelcomed

WELCOME = ONBOARDING.step("send_welcome_email").action.effect
SENT = LeadWelcomed(
    lead_id="lead-1",
    contact_key=ANNA_KEY,
    contact_id="id of anna",
    outcome="sent",
    message_id="<1@a.example>",
)
SKIPPED = SENT.model_copy(update={"outcome": "skipped", "message_id": None})
WITH_HEADERS = ENVELOPE._replace(effect="welcome:of an older key", effect_reference="<2@a.example>")


@pytest.mark.parametrize(
    ("effect", "event", "envelope", "call"),
    [
        (WELCOME, SENT, WITH_HEADERS, MadeCall("welcome:of an older key", "<2@a.example>")),
        (None, SENT, WITH_HEADERS, MadeCall("welcome:of an older key", "<2@a.example>")),
        (
            WELCOME,
            SENT,
            WITH_HEADERS._replace(effect_reference=None),
            MadeCall("welcome:of an older key", ""),
        ),
        (WELCOME, SENT, ENVELOPE, MadeCall(f"welcome:{ANNA_KEY}", "<1@a.example>")),
        (WELCOME, SKIPPED, ENVELOPE, None),
        (Effect("welcome:{contact_key}", scope="contact"), SENT, ENVELOPE, None),
        (None, SENT, ENVELOPE, None),
    ],
)
def test_a_result_proves_its_call_by_headers_else_by_the_declared_field(
    effect: Effect | None, event: LeadWelcomed, envelope: Envelope, call: MadeCall | None
) -> None:
    assert proven(effect, event, envelope) == call


@pytest.mark.parametrize(
    ("event", "context", "key"),
    [
        (assigned(), envelope(), f"welcome:{ANNA_KEY}"),
        (assigned(), envelope(origin="import"), None),
        (assigned(Contact(phone="+491701234567")), envelope(), None),
    ],
)
async def test_an_action_claims_its_call_only_if_it_would_make_it_and_makes_none(
    event: LeadAssigned, context: Envelope, key: str | None
) -> None:
    world = World()
    source = Source(Position("topic", 0, 0, 0), None, b"{}", [])
    execution = Execution(source, ONBOARDING.step("send_welcome_email"), Decoded(context, event, None))

    assert await would_claim(execution, adapters_of(world).ports) == key
    assert world.mails == []

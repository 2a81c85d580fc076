"""Shows who is welcomed, and that nobody is welcomed twice."""

from __future__ import annotations

from typing import Literal

import pytest

from actions.errors import ActionError, PermanentError, TransientError, UncertainError
from actions.fakes import FakeEffects, FakeMailer, FakeTemplate
from actions.ports import Mail
from actions.send_welcome_email import send_welcome_email
from streams.testing import check_atomic
from tests.unit.actions.examples import ANNA_KEY, assigned, envelope
from topics.events import Contact, LeadAssigned, LeadWelcomed, Owner

KEY = f"welcome:{ANNA_KEY}"
MAIL = Mail(
    message_id=f"<{KEY}>",
    to="anna@example.com",
    subject="Welcome",
    text="Hello Anna Schmidt, Kim Berg looks after you.",
)
SENT = LeadWelcomed(
    lead_id="lead-1",
    contact_key=ANNA_KEY,
    contact_id="id of anna",
    outcome="sent",
    message_id=f"<{KEY}>",
)


def skipped(reason: str) -> LeadWelcomed:
    return LeadWelcomed(
        lead_id="lead-1", contact_key=ANNA_KEY, contact_id="id of anna", outcome="skipped", reason=reason
    )


async def welcome(
    mailer: FakeMailer, effects: FakeEffects, event: LeadAssigned | None = None, origin: str = "live"
) -> LeadWelcomed:
    return await send_welcome_email(
        event or assigned(),
        envelope=envelope(origin=origin),
        template=FakeTemplate(),
        mailer=mailer,
        effects=effects,
    )


@pytest.mark.parametrize("origin", ["live", "replay"])
async def test_a_contact_is_welcomed(origin: str) -> None:
    mailer = FakeMailer()

    event = await welcome(mailer, FakeEffects(KEY), origin=origin)

    assert (event, mailer.sent) == (SENT, [MAIL])


@pytest.mark.parametrize("why", ["no-consent", "suppressed"])
async def test_nobody_is_welcomed_who_must_not_be_written_to(
    why: Literal["no-consent", "suppressed"],
) -> None:
    mailer = FakeMailer()

    event = await welcome(mailer, FakeEffects(KEY, refused=why))

    assert (event, mailer.sent) == (skipped(why), [])


async def test_the_same_event_again_states_sent_and_sends_nothing() -> None:
    mailer, effects = FakeMailer(), FakeEffects(KEY)
    await welcome(mailer, effects)

    event = await welcome(mailer, effects)

    assert (event, mailer.sent) == (SENT, [MAIL])


async def test_a_later_lead_of_the_same_contact_is_not_welcomed_again() -> None:
    mailer, effects = FakeMailer(), FakeEffects(KEY)
    await welcome(mailer, effects)

    event = await welcome(mailer, effects.of("event-2"))

    assert (event, mailer.sent) == (skipped("already-welcomed"), [MAIL])


async def test_a_welcome_whose_outcome_is_unknown_is_left_to_the_event_that_began_it() -> None:
    mailer, effects = FakeMailer([UncertainError("cut off")]), FakeEffects(KEY)
    with pytest.raises(UncertainError):
        await welcome(mailer, effects)

    event = await welcome(mailer, effects.of("event-2"))

    assert (event, mailer.sent) == (skipped("welcome-pending"), [])


@pytest.mark.parametrize("origin", ["import", "backfill"])
async def test_nobody_is_welcomed_for_data_of_the_past(origin: str) -> None:
    mailer, effects = FakeMailer(), FakeEffects(KEY)

    event = await welcome(mailer, effects, origin=origin)

    assert (event, mailer.sent, effects.begun) == (skipped(f"origin-{origin}"), [], {})


async def test_a_contact_without_email_cannot_be_welcomed() -> None:
    mailer = FakeMailer()

    event = await welcome(mailer, FakeEffects(KEY), assigned(Contact(phone="+491701234567")))

    assert (event, mailer.sent) == (skipped("no-email"), [])


@pytest.mark.parametrize("failure", [TransientError("SERVER_DOWN"), PermanentError("NO_SUCH_MAILBOX")])
async def test_a_mail_that_was_certainly_not_taken_can_be_sent_later(failure: ActionError) -> None:
    mailer, effects = FakeMailer([failure]), FakeEffects(KEY)
    with pytest.raises(type(failure)):
        await welcome(mailer, effects)

    event = await welcome(mailer, effects)

    assert (event, mailer.sent) == (SENT, [MAIL])


class BrokenTemplate(FakeTemplate):
    def render(self, *, key: str, contact: Contact, owner: Owner) -> Mail:
        raise PermanentError("TEMPLATE_BROKEN")


async def test_a_template_that_fails_leaves_no_intent_behind() -> None:
    effects = FakeEffects(KEY)

    with pytest.raises(PermanentError):
        await send_welcome_email(
            assigned(), envelope=envelope(), template=BrokenTemplate(), mailer=FakeMailer(), effects=effects
        )

    assert effects.begun == {}


@pytest.mark.parametrize("repeats", [False, True])
def test_it_is_atomic(*, repeats: bool) -> None:
    events = [assigned(), assigned(lead_id="lead-2")]

    assert check_atomic(send_welcome_email, events, repeats=repeats) >= 7

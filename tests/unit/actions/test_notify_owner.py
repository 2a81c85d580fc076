"""Shows when an owner is told of a lead, and that it is once per event that brought it."""

from __future__ import annotations

from typing import Literal

import pytest

from actions.errors import TransientError, UncertainError
from actions.fakes import FakeEffects, FakeNotifier
from actions.notify_owner import notify_owner
from actions.ports import Notifier
from streams.testing import World, check_atomic
from tests.unit.actions.examples import ANNA_KEY, assigned, envelope
from topics.events import OwnerNotified

KEY = "notify:run-1"


def notified(
    outcome: Literal["sent", "skipped"],
    *,
    channel: Literal["webhook", "email", "none"] = "webhook",
    reason: str | None = None,
    reference: str | None = None,
) -> OwnerNotified:
    return OwnerNotified(
        lead_id="lead-1",
        contact_key=ANNA_KEY,
        contact_id="id of anna",
        owner_id="kim",
        outcome=outcome,
        channel=channel,
        reason=reason,
        reference=reference,
    )


async def notify(
    notifier: FakeNotifier, effects: FakeEffects, *, origin: str = "live", run: str = "run-1"
) -> OwnerNotified:
    return await notify_owner(
        assigned(), envelope=envelope(origin=origin, correlation_id=run), notifier=notifier, effects=effects
    )


@pytest.mark.parametrize("channel", ["webhook", "email"])
async def test_the_owner_is_notified(channel: Literal["webhook", "email"]) -> None:
    notifier = FakeNotifier(channel)

    event = await notify(notifier, FakeEffects(KEY))

    assert event == notified("sent", channel=channel, reference=f"reference of {KEY}")
    assert notifier.notified == [(KEY, assigned())]


async def test_the_same_event_again_states_sent_and_notifies_nobody() -> None:
    notifier, effects = FakeNotifier(), FakeEffects(KEY)
    await notify(notifier, effects)

    event = await notify(notifier, effects)

    assert (event, len(notifier.notified)) == (notified("sent", reference=f"reference of {KEY}"), 1)


async def test_one_more_event_about_the_lead_is_one_more_notification() -> None:
    notifier, effects = FakeNotifier(), FakeEffects(KEY)
    await notify(notifier, effects, run="run-1")

    event = await notify(notifier, effects.of("event-2", "notify:run-2"), run="run-2")

    assert event == notified("sent", reference="reference of notify:run-2")
    assert [key for key, _ in notifier.notified] == [KEY, "notify:run-2"]


async def test_the_action_run_again_in_the_same_run_notifies_nobody() -> None:
    notifier, effects = FakeNotifier(), FakeEffects(KEY)
    await notify(notifier, effects)

    event = await notify(notifier, effects.of("event-2"))

    assert (event, len(notifier.notified)) == (notified("skipped", reason="already-notified"), 1)


async def test_a_notification_whose_outcome_is_unknown_is_left_to_the_event_that_began_it() -> None:
    notifier, effects = FakeNotifier(failures=[UncertainError("cut off")]), FakeEffects(KEY)
    with pytest.raises(UncertainError):
        await notify(notifier, effects)

    event = await notify(notifier, effects.of("event-2"))

    assert (event, notifier.notified) == (notified("skipped", reason="notification-pending"), [])


async def test_a_notification_that_certainly_failed_can_be_made_later() -> None:
    notifier, effects = FakeNotifier(failures=[TransientError("SERVER_DOWN")]), FakeEffects(KEY)
    with pytest.raises(TransientError):
        await notify(notifier, effects)

    event = await notify(notifier, effects)

    assert (event.outcome, len(notifier.notified)) == ("sent", 1)


@pytest.mark.parametrize("origin", ["import", "backfill"])
async def test_nobody_is_notified_of_imports_and_backfills(origin: str) -> None:
    notifier, effects = FakeNotifier(), FakeEffects(KEY)

    event = await notify(notifier, effects, origin=origin)

    assert (event, notifier.notified, effects.begun) == (
        notified("skipped", reason=f"origin-{origin}"),
        [],
        {},
    )


async def test_without_a_channel_nobody_is_notified() -> None:
    effects = FakeEffects(KEY)

    event = await notify(FakeNotifier("none"), effects)

    assert (event, effects.begun) == (notified("skipped", channel="none", reason="not-configured"), {})


@pytest.mark.parametrize("repeats", [False, True])
def test_it_is_atomic(*, repeats: bool) -> None:
    events = [assigned(), assigned(lead_id="lead-2")]

    # A `World` by itself drops no copies, as a mail server.
    made = check_atomic(notify_owner, events, repeats=repeats, ports=lambda: {Notifier: World()})
    assert made >= 7

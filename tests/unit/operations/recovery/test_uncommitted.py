"""Calls that may have been made and that no record proves."""

from __future__ import annotations

from streams.store import letters
from streams.testing import Cluster, event_headers, lead
from streams.testing.cluster import GROUP
from streams.testing.life import Life
from tests.support.lost_store import LosableInstallation, copy_of
from topics.events import LeadReceived

WELCOME = "send-welcome-email"


class EndsAt(Life):
    """A life that ends at a named point."""

    def passes(self, point: str) -> None:
        if point == "after mailer.send":
            self.ends_at = len(self.points) + 1
        super().passes(point)


async def work_until_a_mail_is_out(cluster: Cluster) -> None:
    for topic in cluster.topics:
        batch = cluster.unread(topic)
        if batch and await cluster.work_while_alive(cluster.new_worker(EndsAt()), topic, batch):
            for record in batch:
                cluster.log.commit(GROUP, record)


def test_a_call_that_was_made_and_that_no_event_proves_is_uncertain_and_not_made_again(
    onboarding: LosableInstallation,
) -> None:
    backup = copy_of(onboarding.store)
    headers = event_headers("e-1")
    topic = onboarding.cluster.names.of(LeadReceived)
    onboarding.cluster.log.append(topic, b"k", lead(email="jane@example.com"), headers)
    onboarding.run(work_until_a_mail_is_out(onboarding.cluster))
    assert len(onboarding.world.mails) == 1

    done = onboarding.lose_the_store(backup)
    onboarding.run(onboarding.cluster.settle())

    assert [each.lead_id for each in done.uncertain if each.action == WELCOME] == ["e-1"]
    assert len(onboarding.world.mails) == 1
    found = backup.transact(letters.find)
    assert [(row.letter.action, row.letter.failure_class) for row in found] == [(WELCOME, "uncertain")]

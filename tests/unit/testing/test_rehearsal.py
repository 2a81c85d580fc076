"""Shows the test kit from a user's side: plain tests, no broker, no event loop of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from streams.kafka.producer import PublishError
from streams.testing import Rehearsal, lead
from topics.events import ContactUpserted, LeadAssigned, LeadRejected, LeadWelcomed, OwnerNotified

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_two_leads_of_one_person_are_one_contact_and_one_welcome() -> None:
    with Rehearsal() as onboarding:
        onboarding.publish(lead(company="Acme"), "e-1")
        onboarding.publish(lead(city="Bonn"), "e-2")

        assert [each.outcome for each in onboarding.stated(ContactUpserted)] == ["created", "updated"]
        assert [each.outcome for each in onboarding.stated(LeadWelcomed)] == ["sent", "skipped"]
        assert len(onboarding.stated(OwnerNotified)) == len(onboarding.world.notes) == 2
        assert [mail.to for mail in onboarding.world.mails] == ["jane.doe@example.com"]
        (contact,) = onboarding.contacts
        assert (contact.fields["company"].value, contact.fields["city"].value) == ("Acme", "Bonn")


def test_an_outage_is_over_when_the_retry_is_due() -> None:
    with Rehearsal() as onboarding:
        onboarding.world.go_down()
        onboarding.publish(lead())
        (letter,) = onboarding.letters
        onboarding.world.come_back()

        assert onboarding.advance(minutes=1) == 1

        assert (letter.code, onboarding.letters, len(onboarding.world.mails)) == ("SMTP_UNREACHABLE", [], 1)


def test_what_is_parked_is_replayed() -> None:
    with Rehearsal() as onboarding:
        onboarding.world.stop_notifying()
        onboarding.publish(lead())
        onboarding.publish(b"not json")
        onboarding.world.come_back()

        assert onboarding.replay() == 2

        assert [letter.code for letter in onboarding.letters] == ["NOT_JSON"]
        assert len(onboarding.world.notes) == 1


def test_what_is_delivered_again_changes_nothing() -> None:
    with Rehearsal() as onboarding:
        onboarding.publish(lead(), "e-1")
        onboarding.publish(lead(email="no address"), "e-2")
        before = onboarding.contacts, onboarding.stated(LeadAssigned), onboarding.stated(LeadRejected)

        onboarding.redeliver()

        assert before == (
            onboarding.contacts,
            onboarding.stated(LeadAssigned),
            onboarding.stated(LeadRejected),
        )
        assert len(onboarding.world.mails) == 1


def test_a_broker_that_is_away_takes_nothing_and_loses_nothing() -> None:
    with Rehearsal() as onboarding:
        onboarding.cluster.log.is_away = True
        with pytest.raises(PublishError):
            onboarding.publish(lead())

        onboarding.cluster.log.is_away = False
        onboarding.settle()

        assert len(onboarding.stated(LeadWelcomed)) == len(onboarding.world.mails) == 1


def test_the_examples_of_the_page_run_in_plain_pytest(tmp_path: Path) -> None:
    for number, text in enumerate(EXAMPLES):
        (tmp_path / f"test_example{number}.py").write_text(text, encoding="utf-8")

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:asyncio",
            tmp_path,
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{PAGE.count('def test_')} passed" in done.stdout

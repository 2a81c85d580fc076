"""Test reading addresses of senders, and removing addresses from servers' answers."""

from __future__ import annotations

import pytest

from streams.adapters.addresses import redacted
from streams.adapters.smtp import SmtpMailer, SmtpSettings


def test_an_answer_is_repeated_without_addresses_on_one_line_and_cut() -> None:
    answer = "no <Jo.Doe@x.example>, user\r\njo.doe unknown " + "x" * 300

    answer_shown = redacted(answer, "jo.doe")

    assert answer_shown.startswith("no <<address>>, user <address> unknown x")
    assert len(answer_shown) == 200


@pytest.mark.parametrize("sender", ["Acme", "hello acme@acme.example", "a@b.example\r\nBcc: c@d.example", ""])
def test_a_sender_that_is_no_address_is_refused_at_the_start(sender: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        SmtpMailer(SmtpSettings("localhost", 25), sender=sender)

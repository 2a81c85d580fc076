"""What an action may raise."""

from __future__ import annotations

from datetime import timedelta

from actions.errors import ActionError, PermanentError, TransientError, UncertainError


def test_an_error_without_a_sentence_has_its_code_as_one() -> None:
    assert (PermanentError("REFUSED").message, str(PermanentError("REFUSED"))) == ("REFUSED", "REFUSED")


def test_each_error_has_what_the_runtime_acts_on() -> None:
    later = TransientError("AWAY", "try later", retry_after=timedelta(seconds=3))
    uncertain = UncertainError("welcome:k was cut off")

    assert (later.code, later.message, later.retry_after) == ("AWAY", "try later", timedelta(seconds=3))
    assert (uncertain.code, uncertain.message) == ("UNCERTAIN", "welcome:k was cut off")
    assert all(issubclass(each, ActionError) for each in (PermanentError, TransientError, UncertainError))

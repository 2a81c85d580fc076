"""Reads everything that a lead says about consent as one answer: any no is no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from actions.normalise.consent import consent_meaning, read_answer, read_opt_out
from actions.normalise.moment import normalise_moment
from actions.normalise.refused import Refused, Remarks
from actions.normalise.text import block
from actions.unvalidated import made
from topics.events import Consent, Note

Unread = tuple[str, object, str, str]
"""Field, value, code and message of a value that cannot be read."""

_NOT_UNDERSTOOD = "The answer is in none of the tables of words, so it counts as not given."


class _Answer(NamedTuple):
    is_yes: bool
    time: str | None


class _Answers:
    """Collects the answers of one lead."""

    def __init__(self, notes: list[Note]) -> None:
        self._notes = notes
        self.answers: list[_Answer] = []
        self.times: dict[bool, str] = {}
        """By yes and no: the time in a field of its own."""
        self.text: str | None = None
        self.unread: list[Unread] = []

    def time(self, field: str, value: object) -> str | None:
        """Return the moment, or None when it is blank or cannot be read."""
        remarks: Remarks = []
        try:
            moment = normalise_moment(value, remarks) if isinstance(value, str) else _no_text(value)
        except Refused as refused:
            self.unread.append((field, value, refused.code, refused.message))
            return None
        self._notes += [Note(field=field, code=remark.code, said=remark.said) for remark in remarks]
        return moment

    def answer(self, field: str, value: object, time: str | None = None) -> None:
        """Take the answer of an opt-in or a status field."""
        if _is_blank(value):
            return
        answer = read_answer(value)
        if answer is None:
            self.unread.append((field, value, "CONSENT_UNKNOWN", _NOT_UNDERSTOOD))
        else:
            self.answers.append(_Answer(answer, time))

    def opt_out(self, field: str, value: object) -> None:
        """Take the answer of an opt-out field; a time in it is when the person opted out."""
        if _is_blank(value):
            return
        said = read_opt_out(value)
        if said is None and isinstance(value, str) and (moment := _moment_or_none(value)) is not None:
            self.answers.append(_Answer(is_yes=False, time=moment))
        elif said is None:
            self.unread.append((field, value, "CONSENT_UNKNOWN", _NOT_UNDERSTOOD))
        elif said == "out":
            self.answers.append(_Answer(is_yes=False, time=None))

    def write(self, field: str, value: object) -> None:
        """Take the words that the person saw."""
        if isinstance(value, str):
            try:
                self.text = block(value)
            except Refused as refused:
                self.unread.append((field, value, refused.code, refused.message))
        elif value is not None:
            self.unread.append((field, value, "WRONG_TYPE", "The value is no text."))


def read_consent(
    given: object,
    fields: Mapping[str, object],
    notes: list[Note],
    *,
    recorded: str | None,
    latest: str | None,
) -> tuple[Consent | None, list[Unread]]:
    """Return the consent that a lead states, None without any, and the values that cannot be read.

    `given` is the lead's `consent`: an object, or a bare answer. `fields` are the other fields whose titles are in the
    tables. One no among several answers is no. An answer without a time is dated `recorded`; one after `latest` is
    dated `latest`, with a note.
    """
    plain = None if fields else _plain(given, recorded)
    consent, unread = _any(given, fields, notes, recorded) if plain is None else (plain, [])
    if consent is not None and consent.time is not None and latest is not None and consent.time > latest:
        notes.append(Note(field="consent.time", code="TIME_IN_FUTURE", said=FUTURE))
        consent = made(Consent, {"marketing": consent.marketing, "time": latest, "text": consent.text})
    return consent, unread


_OF_A_FORM = len(Consent.model_fields)


def _plain(given: object, recorded: str | None) -> Consent | None:
    """Return the `consent` of a form, true or false and in order; None for any other, which needs a closer look."""
    if type(given) is not dict or len(given) != _OF_A_FORM:
        return None
    answer, time, text = given.get("marketing"), given.get("time"), given.get("text")
    if type(answer) is not bool or not (time is None or type(time) is str):
        return None
    remarks: Remarks = []
    try:
        moment = None if time is None else normalise_moment(time, remarks)
        shown = None if text is None else block(text)
    except Refused:
        return None
    return (
        None if remarks else made(Consent, {"marketing": answer, "time": moment or recorded, "text": shown})
    )


def _any(
    given: object, fields: Mapping[str, object], notes: list[Note], recorded: str | None
) -> tuple[Consent | None, list[Unread]]:
    answers = _Answers(notes)
    time_given = _read_given(answers, given)
    for name, value in fields.items():
        _read_field(answers, name, value)
    if False in answers.times and not answers.answers:
        answers.answers.append(_Answer(is_yes=False, time=None))  # a time of opting out is an opt-out
    return _merged(answers, time_given, recorded), answers.unread


def _read_given(answers: _Answers, given: object) -> str | None:
    """Read the lead's `consent`. Return its time."""
    if not isinstance(given, Mapping):
        answers.answer("consent", given)
        return None
    rest: dict[str, Any] = dict(given)
    time = answers.time("consent.time", rest.pop("time", None))
    answers.answer("consent.marketing", rest.pop("marketing", None), time)
    answers.write("consent.text", rest.pop("text", None))
    for name, value in rest.items():
        answers.unread.append((f"consent.{name}", value, "UNKNOWN_FIELD", "A consent has no such field."))
    return time


def _read_field(answers: _Answers, name: str, value: object) -> None:
    meaning = consent_meaning(name)
    if meaning == "opt-out":
        answers.opt_out(name, value)
    elif meaning in ("opt-in", "status"):
        answers.answer(name, value)
    elif meaning == "text":
        answers.write(name, value)
    elif (moment := answers.time(name, value)) is not None:
        answers.times[meaning == "time of yes"] = moment


FUTURE = "The time is more than an hour after the record was written; the record's own time counts instead."


def _merged(answers: _Answers, time_given: str | None, recorded: str | None) -> Consent | None:
    if not answers.answers:
        if time_given is None and answers.text is None:
            return None
        return made(Consent, {"marketing": None, "time": time_given, "text": answers.text})
    is_yes = all(answer.is_yes for answer in answers.answers)
    times = [
        time
        for answer in answers.answers
        if answer.is_yes == is_yes and (time := answer.time or answers.times.get(is_yes)) is not None
    ]
    time = max(times, default=recorded)
    return made(Consent, {"marketing": is_yes, "time": time, "text": answers.text})


def _moment_or_none(text: str) -> str | None:
    try:
        return normalise_moment(text)
    except Refused:
        return None


def _no_text(value: object) -> str | None:
    if value is None:
        return None
    raise Refused("WRONG_TYPE", "The value is no text.")


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())

"""Reads `--where` expressions into conditions on the index of letters: comparisons, and, or, not, brackets.

    code = SMTP_REFUSED and first_seen < -3d and not lead ~ test

The parser is written by hand because the language has only seven rules and errors must show their position. Values
reach the database only as parameters, and names of columns come only from `FIELDS`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn, get_args

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from streams.durations import parse_duration
from streams.store.letters import EVERY
from streams.store.schema import letters
from topics.envelope import timestamp
from topics.letter import FailureClass

MAX_LENGTH, MAX_DEPTH, MAX_COMPARISONS = 1000, 20, 100
"""Limits on characters, nested brackets and comparisons."""
_COLUMN = letters.c


class WhereError(ValueError):
    """An expression is invalid; the message is a sentence, the expression, and a caret under the position."""


class _Field(NamedTuple):
    column: ColumnElement[Any]
    kind: str = "text"
    values: tuple[str, ...] = ()


FIELDS = {
    "id": _Field(_COLUMN.id),
    "status": _Field(_COLUMN.status, values=EVERY),
    "action": _Field(_COLUMN.action),
    "class": _Field(_COLUMN.failure_class, values=get_args(FailureClass)),
    "code": _Field(_COLUMN.code),
    "group": _Field(_COLUMN.fingerprint),
    "generation": _Field(_COLUMN.generation, "number"),
    "edits": _Field(_COLUMN.edits, "number"),
    "lead": _Field(sa.func.coalesce(_COLUMN.lead_id, "")),  # otherwise `not` would drop rows without a value
    "app_version": _Field(sa.func.coalesce(_COLUMN.app_version, "")),
    "first_seen": _Field(_COLUMN.first_time, "moment"),
    "last_seen": _Field(_COLUMN.time, "moment"),
}
_COMPARE: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "~": lambda column, value: column.icontains(value, autoescape=True),
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<op>!=|<=|>=|[=<>~])|(?P<mark>[(),])|(?P<quoted>'[^']*'|"[^"]*")|(?P<word>[^\s()=<>!~,'"]+))"""
)


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse_where(text: str, now: datetime) -> ColumnElement[bool]:
    """Return the condition of an expression. Raise `WhereError`."""
    if len(text) > MAX_LENGTH:
        raise WhereError(f"--where has {len(text):,} characters and may have {MAX_LENGTH:,}")
    reader = _Reader(text, now)
    return reader.whole()


@dataclass
class _Reader:
    text: str
    now: datetime

    def __post_init__(self) -> None:
        self.tokens: list[_Token] = []
        at = 0
        while self.text[at:].strip():
            match = _TOKEN.match(self.text, at)
            if match is None:
                place = at + len(self.text[at:]) - len(self.text[at:].lstrip())
                self.fail("this cannot be read; is a quote missing?", place, 1)
            kind = str(match.lastgroup)
            self.tokens.append(_Token(kind, match[kind], match.start(kind)))
            at = match.end()
        self.at = self.comparisons = 0

    def whole(self) -> ColumnElement[bool]:
        condition = self.any_of(0)
        if self.at < len(self.tokens):
            self.fail_here("expected `and`, `or`, or the end")
        return condition

    def any_of(self, depth: int) -> ColumnElement[bool]:
        conditions = [self.all_of(depth)]
        while self.take_word("or"):
            conditions.append(self.all_of(depth))
        return sa.or_(*conditions)

    def all_of(self, depth: int) -> ColumnElement[bool]:
        conditions = [self.one(depth)]
        while self.take_word("and"):
            conditions.append(self.one(depth))
        return sa.and_(*conditions)

    def one(self, depth: int) -> ColumnElement[bool]:
        if depth > MAX_DEPTH:
            self.fail_here(f"brackets are nested more than {MAX_DEPTH} deep")
        if self.take_word("not"):
            return sa.not_(self.one(depth + 1))
        if self.take_mark("("):
            condition = self.any_of(depth + 1)
            if not self.take_mark(")"):
                self.fail_here("expected `)`")
            return condition
        return self.comparison()

    def comparison(self) -> ColumnElement[bool]:
        self.comparisons += 1
        if self.comparisons > MAX_COMPARISONS:
            self.fail_here(f"there are more than {MAX_COMPARISONS} comparisons")
        name = self.next("word", "a field: " + ", ".join(FIELDS))
        field = FIELDS.get(name.text)
        if field is None:
            near = get_close_matches(name.text, FIELDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(FIELDS)}"
            self.fail(f"there is no field {name.text!r}; {hint}", name.at, len(name.text))
        if self.take_word("in"):
            if not self.take_mark("("):
                self.fail_here("expected `(` after in")
            values = [self.value(field)]
            while self.take_mark(","):
                values.append(self.value(field))
            if not self.take_mark(")"):
                self.fail_here("expected `,` or `)`")
            return field.column.in_(values)
        sign = self.next("op", f"one of {' '.join(_COMPARE)} or in")
        if sign.text == "~" and field.kind != "text":
            self.fail(f"{name.text} is not a text, so ~ cannot be used with it", sign.at, 1)
        return _COMPARE[sign.text](field.column, self.value(field, is_part=sign.text == "~"))

    def value(self, field: _Field, *, is_part: bool = False) -> str | int:
        token = self.next("word", "a value") if not self.is_next("quoted") else self.next("quoted", "a value")
        text = token.text[1:-1] if token.kind == "quoted" else token.text
        if field.kind == "number":
            if re.fullmatch(r"\d{1,9}", text, re.ASCII) is None:
                self.fail(f"{text!r} is not a whole number", token.at, len(token.text))
            return int(text)
        if field.kind == "moment":
            return self.moment(text, token)
        if field.values and not is_part and text not in field.values:
            self.fail(f"{text!r} is none of {', '.join(field.values)}", token.at, len(token.text))
        return text

    def moment(self, text: str, token: _Token) -> str:
        try:
            if text.startswith("-"):
                return timestamp(self.now - parse_duration(text[1:]))
            moment = datetime.fromisoformat(text)
            return timestamp(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            self.fail(
                f"{text!r} is not a moment; write 2026-11-23, 2026-11-23T20:15:00Z, or -3d for three days ago",
                token.at,
                len(token.text),
            )

    # ---------------------------------------------------------------------------------------------------- tokens

    def is_next(self, kind: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at].kind == kind

    def next(self, kind: str, expected: str) -> _Token:
        if not self.is_next(kind):
            self.fail_here(f"expected {expected}")
        self.at += 1
        return self.tokens[self.at - 1]

    def take_word(self, word: str) -> bool:
        is_there = self.is_next("word") and self.tokens[self.at].text.lower() == word
        self.at += is_there
        return is_there

    def take_mark(self, mark: str) -> bool:
        is_there = self.is_next("mark") and self.tokens[self.at].text == mark
        self.at += is_there
        return is_there

    def fail_here(self, what: str) -> NoReturn:
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.fail(what, token.at, len(token.text))
        self.fail(what, len(self.text.rstrip()), 1)

    def fail(self, what: str, at: int, length: int) -> NoReturn:
        shown = re.sub(r"\s", " ", self.text)
        raise WhereError(f"--where: {what}\n  {shown}\n  {' ' * at}{'^' * max(length, 1)}") from None

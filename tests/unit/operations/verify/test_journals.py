"""Journals of the mail server and of the webhook receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.interfaces.common.verifying import contract_of
from streams.onboarding import ONBOARDING
from streams.operations.verify.journals import read_mails, read_webhooks
from streams.operations.verify.logs import CannotLookError
from streams.operations.verify.scratch import Scratch


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    with Scratch(contract_of(ONBOARDING)) as opened:
        yield opened


def rows(scratch: Scratch, table: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in scratch.ask(f"SELECT * FROM {table}")]


def journal(folder: Path, *lines: object) -> Path:
    path = folder / "journal.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_mails_are_taken_with_every_recipient_hidden(scratch: Scratch, tmp_path: Path) -> None:
    mail = {"to": ["Ana@customer.example", "b@customer.example"], "message_id": "<1@acme.example>", "more": 1}

    read_mails(scratch, journal(tmp_path, mail))

    assert [row[0] for row in rows(scratch, "mails")] == ["<1@acme.example>"]
    hidden = [scratch.hide("ana@customer.example"), scratch.hide("b@customer.example")]
    assert rows(scratch, "mailed") == [("<1@acme.example>", each) for each in hidden]


@pytest.mark.parametrize("line", ["no JSON", "[]", '{"to": []}'])
def test_a_line_that_is_no_entry_is_named(scratch: Scratch, tmp_path: Path, line: str) -> None:
    path = journal(tmp_path, {"to": [], "message_id": "<1>"})
    path.write_text(path.read_text() + line + "\n")

    with pytest.raises(CannotLookError, match=r"line 2: this is not a JSON object with to and message_id"):
        read_mails(scratch, path)


def test_half_a_last_line_was_never_acknowledged(scratch: Scratch, tmp_path: Path) -> None:
    path = journal(tmp_path, {"webhook_id": "msg_1", "lead_id": "lead-1"})
    path.write_text(path.read_text() + '{"webhook_id": "msg_2", "lead')

    read_webhooks(scratch, path)

    assert [row[0] for row in rows(scratch, "hooks")] == ["msg_1"]

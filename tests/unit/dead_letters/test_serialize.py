"""A file of letters is read back unchanged, or refused with the number of its broken line."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from streams.dead_letters.serialize import TransferError, dump, load
from tests.support.letters import lettered
from topics.letter import sha256_of

ROW = lettered(1)
LINE = dump(ROW)
HUGE = b"x" * (2 << 20)


def changed(**fields: Any) -> bytes:  # noqa: ANN401 - whatever JSON holds
    return json.dumps({**json.loads(LINE), **fields}).encode()


def with_headers(**fields: str) -> dict[str, str]:
    known: dict[str, str] = json.loads(LINE)["letter"]
    return known | {f"__dlq.errors.{name.replace('_', '.')}": text for name, text in fields.items()}


def test_a_letter_is_read_back_unchanged() -> None:
    (row,) = load([LINE, b"\n"])

    assert (row.letter, row.key, row.value, row.headers) == (ROW.letter, ROW.key, ROW.value, ROW.headers)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"\x89PNG\r\n", "line 2 is not valid JSON at character 0"),
        (b'{"letter": {}, "key": nul', "line 2 is not valid JSON"),
        (b"[1]", "line 2 is not a dead letter"),
        (b'{"letter": {}}', "line 2: header __dlq.errors.topic is missing"),
        (changed(letter=with_headers(offset="many")), "line 2: header __dlq.errors.offset is 'many'"),
        (changed(value="???"), "line 2 is not a dead letter"),
        (changed(value="e30="), f"line 2: the value is not that of letter {ROW.letter.id}"),
        (
            changed(headers=[["__dlq.errors.id", "eA=="]]),
            "line 2: headers of a letter are among the record's",
        ),
        (
            changed(
                value=base64.b64encode(HUGE).decode(), letter=with_headers(value_sha256=sha256_of(HUGE) or "")
            ),
            f"line 2: letter {ROW.letter.id} is too large for its topic",
        ),
    ],
)
def test_a_broken_line_is_refused_by_its_number(line: bytes, sentence: str) -> None:
    with pytest.raises(TransferError, match=f"^{sentence}"):
        list(load([LINE, line]))

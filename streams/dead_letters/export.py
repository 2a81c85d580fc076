"""This file takes dead letters out into a file and in again, whole: NDJSON, one letter per line."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from streams.store.letters import LetterRow
from topics.envelope import Headers
from topics.letter import DeadLetter, LetterError, is_letter, sha256_of
from topics.limits import fits_a_letter


class TransferError(ValueError):
    """A line is no dead letter; the message is a sentence that names the line."""


def dump(row: LetterRow) -> bytes:
    """Give a letter as a line: its own headers, and the record as bytes in base64. It holds personal data."""
    document = {
        "letter": {name: (value or b"").decode() for name, value in row.letter.headers()},
        "key": _text(row.key),
        "value": _text(row.value),
        "headers": [[name, _text(value)] for name, value in row.headers],
    }
    return orjson.dumps(document) + b"\n"


def load(lines: Iterable[bytes]) -> Iterator[LetterRow]:
    """Read lines back. Raises `TransferError` at the first that cannot be."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = orjson.loads(line)
            own: Headers = [(name, text.encode()) for name, text in found["letter"].items()]
            letter = DeadLetter.from_headers(own)
            value = _bytes(found["value"])
            headers = [(str(name), _bytes(text)) for name, text in found["headers"]]
            key = _bytes(found["key"])
        except orjson.JSONDecodeError as error:
            raise TransferError(f"line {number} is no JSON at character {error.pos}") from None
        except KeyError as error:
            raise TransferError(f"line {number} lacks {error.args[0]!r}") from None
        except LetterError as error:
            raise TransferError(f"line {number}: {error}") from None
        except (ValueError, TypeError, AttributeError):
            raise TransferError(f"line {number} is no dead letter as `export` writes it") from None
        # Of a record that was too large for its letter there is no value; no replay takes it as it is.
        if value is not None and letter.value_sha256 != sha256_of(value):
            raise TransferError(
                f"line {number}: the value is not that of letter {letter.id}: its SHA-256 differs"
            )
        if is_letter(headers):
            raise TransferError(f"line {number}: headers of a letter are among the record's own")
        if not fits_a_letter(key, value, headers + own):
            raise TransferError(f"line {number}: letter {letter.id} is too large for its topic")
        yield LetterRow("parked", None, letter, None, key, value, headers)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def _bytes(text: Any) -> bytes | None:  # noqa: ANN401 - whatever JSON held
    return None if text is None else base64.b64decode(text, validate=True)

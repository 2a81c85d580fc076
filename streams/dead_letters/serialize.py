"""Serializes dead letters: as plain data for people, and whole as lines of an NDJSON file for export and import."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from streams.clock import from_us
from streams.store.letters import LetterRow
from topics.envelope import Headers
from topics.letter import DeadLetter, LetterError, is_letter, sha256_of
from topics.limits import fits_a_letter


class TransferError(ValueError):
    """A line of a file is not a dead letter; the message is a sentence that names the line."""


def as_data(row: LetterRow) -> dict[str, Any]:
    """Return the facts about a letter without its record."""
    letter = row.letter
    return {
        "id": letter.id,
        "status": row.status,
        "resolution": row.resolution,
        "action": letter.action,
        "action_version": letter.action_version,
        "stage": letter.stage,
        "class": letter.failure_class,
        "code": letter.code,
        "message": letter.message,
        "fingerprint": letter.fingerprint,
        "generation": letter.generation,
        "delivery_count": letter.delivery_count,
        "first_time": letter.first_time,
        "time": letter.time,
        "next_attempt": letter.next_attempt if row.status == "scheduled" else None,
        "lead_id": row.lead_id,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "group": letter.group,
        "app_version": letter.app_version,
        "replay_job": letter.replay_job,
        "due": None if row.due_at is None else from_us(row.due_at).isoformat().replace("+00:00", "Z"),
        "edits": letter.edit_number or 0,
        "job": row.job,
    }


def record_as_data(row: LetterRow, *, is_revealed: bool) -> dict[str, Any]:
    """Return the original record, or only its sizes unless revealed. Bytes that are not UTF-8 are base64."""
    headers = [{"name": name, **_content("value", raw, is_revealed=is_revealed)} for name, raw in row.headers]
    return {
        **_content("key", row.key, is_revealed=is_revealed),
        **_content("value", row.value, is_revealed=is_revealed),
        "sha256": row.letter.value_sha256,
        "headers": headers,
    }


def _content(name: str, raw: bytes | None, *, is_revealed: bool) -> dict[str, Any]:
    if not is_revealed:
        size = None if raw is None else len(raw)
        return {("bytes" if name == "value" else f"{name}_bytes"): size}
    if raw is None:
        return {name: None}
    try:
        return {name: raw.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(raw).decode()}


# ----------------------------------------------------------------------------------------------- as a line of a file


def dump(row: LetterRow) -> bytes:
    """Return a letter as a line: its own headers, and the record in base64. It holds personal data."""
    document = {
        "letter": {name: (value or b"").decode() for name, value in row.letter.headers()},
        "key": _text(row.key),
        "value": _text(row.value),
        "headers": [[name, _text(value)] for name, value in row.headers],
    }
    return orjson.dumps(document) + b"\n"


def load(lines: Iterable[bytes]) -> Iterator[LetterRow]:
    """Yield the letters of these lines. Raise `TransferError` at the first broken line."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document = orjson.loads(line)
            own: Headers = [(name, text.encode()) for name, text in document["letter"].items()]
            letter = DeadLetter.from_headers(own)
            value = _bytes(document["value"])
            headers = [(str(name), _bytes(text)) for name, text in document["headers"]]
            key = _bytes(document["key"])
        except orjson.JSONDecodeError as error:
            raise TransferError(f"line {number} is not valid JSON at character {error.pos}") from None
        except KeyError as error:
            raise TransferError(f"line {number} lacks {error.args[0]!r}") from None
        except LetterError as error:
            raise TransferError(f"line {number}: {error}") from None
        except (ValueError, TypeError, AttributeError):
            raise TransferError(f"line {number} is not a dead letter as `export` writes it") from None
        # A record that was too large for its letter has no value here, and no replay accepts it.
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

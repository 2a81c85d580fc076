"""Turns an action's exception into a dead letter whose description holds no personal data."""

from __future__ import annotations

import hashlib
import random
import re
import sysconfig
import traceback
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path

import actions
import streams
import topics
from actions.errors import ActionError, PermanentError, TransientError, UncertainError
from streams.engine.execution import Source
from streams.store.engine import StoreBusyError, StoreRefusedError
from streams.workflow import RetryPolicy
from topics import ids
from topics.envelope import parse_timestamp, timestamp
from topics.failures import DecodeError
from topics.letter import MESSAGE_LIMIT, RETRIED, STACK_LIMIT, DeadLetter, FailureClass, Stage, sha256_of


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in the fields of a letter."""

    failure_class: FailureClass
    code: str
    stage: Stage
    message: str
    exception: str | None = None
    stacktrace: str | None = None
    retry_after: timedelta | None = None


EXPIRED = Failure("expired", "EXPIRED", "execute", "the event's ce_expirytime was over before its action ran")
CANCELLED = Failure("rejected", "CANCELLED", "execute", "a person cancelled the run before its action ran")
STALE = Failure(
    "expired",
    "STALE",
    "execute",
    "the event is older than its action's `max_age`; replay it with --stale run, or --stale skip",
)
ID_REUSED = Failure(
    "invalid",
    "ID_REUSED",
    "validate",
    "this ce_source and ce_id came before with other content; give the event an id of its own",
)
TAMPERED = Failure(
    "invalid",
    "TAMPERED",
    "decode",
    "the value's SHA-256 is not that of the dead letter; `edit --value FILE` puts the right value in its place",
)


def failure_of(error: Exception) -> Failure:
    """Classify an exception by what should be done about it (actions/errors.py)."""
    if isinstance(error, DecodeError):
        return Failure(error.failure_class, error.code, error.stage, error.message)
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    frames = own_frames(error)
    if isinstance(error, ActionError):
        failure_class: FailureClass = "rejected"
        retry_after = None
        if isinstance(error, TransientError):
            retry_after = error.retry_after
            failure_class = "transient" if retry_after is None else "throttled"
        elif isinstance(error, UncertainError):
            failure_class = "uncertain"
        elif not isinstance(error, PermanentError):
            failure_class = "defect"
        return Failure(
            failure_class, _stable(error.code), "execute", error.message, name, frames, retry_after
        )
    # The text of a foreign exception may quote a value: keep where it happened, not its text.
    where = frames.rpartition("\n")[2] if frames else "outside our code"
    return Failure("defect", "DEFECT", "execute", f"{type(error).__name__} at {where}", name, frames)


def store_failure(error: StoreRefusedError) -> Failure:
    """Return the failure of a record whose outcome the database refuses for good, or for now."""
    if isinstance(error, StoreBusyError):
        return Failure(
            "transient", "STORE_CONFLICT", "execute", f"other workers were first every time: {error}"
        )
    return Failure("defect", "STORE_REFUSED", "execute", f"the database refuses this record: {error}")


def _stable(code: str) -> str:
    """Return a code that people can route on, whatever text the action's author chose."""
    return re.sub(r"[^A-Z0-9_]+", "_", code.upper())[:100] or "UNNAMED"


def write_letter(  # noqa: PLR0913 - a letter has this many fields
    failure: Failure,
    *,
    source: Source,
    action: str,
    action_version: int,
    attempts: int,
    request: DeadLetter | None,
    retry: RetryPolicy,
    group: str,
    now: datetime,
) -> DeadLetter:
    """Write the letter of a failure: generation 0, or one more than that of the `request` that failed again."""
    position = source.position
    moment = timestamp(now)
    letter = DeadLetter(
        topic=position.topic,
        partition=position.partition,
        offset=position.offset,
        timestamp=position.timestamp,
        group=group,
        delivery_count=attempts,
        message=failure.message.encode(errors="replace")[:MESSAGE_LIMIT].decode(errors="ignore"),
        exception=failure.exception,
        stacktrace=failure.stacktrace,
        id=ids.letter_id(position.topic, position.partition, position.offset, group, action),
        generation=0,
        time=moment,
        first_time=moment,
        action=action,
        action_version=action_version,
        stage=failure.stage,
        failure_class=failure.failure_class,
        code=failure.code,
        fingerprint=fingerprint(failure, action),
        app_version=app_version(),
        value_sha256=sha256_of(source.value),
    )
    if request is not None:
        letter = replace(
            letter,
            # Keep the hash even when the bytes differ: otherwise the next replay would accept them as the letter's own.
            value_sha256=request.value_sha256,
            id=request.id,
            group=request.group,
            generation=request.generation + 1,
            first_time=request.first_time,
            replay_job=request.replay_job,
            edit_sha256=request.edit_sha256,
            edit_number=request.edit_number,
        )
    return replace(letter, next_attempt=next_attempt(letter, failure, retry, now))


def next_attempt(letter: DeadLetter, failure: Failure, retry: RetryPolicy, now: datetime) -> str | None:
    """Return the due time of the automatic retry; None parks the letter for a person."""
    if failure.failure_class not in RETRIED or letter.generation >= len(retry.delays):
        return None
    left = parse_timestamp(letter.first_time) + retry.give_up_after - now
    if left <= timedelta(0):
        return None
    delay = retry.delays[letter.generation]
    if failure.retry_after is not None:
        return timestamp(
            now + min(failure.retry_after, left)
        )  # at the latest, one last retry at `give_up_after`
    # Seeded by the letter, so that the same failure always has the same due time.
    spread = random.Random(f"{letter.id}/{letter.generation}").uniform(-retry.jitter, retry.jitter)  # noqa: S311
    return timestamp(now + min(delay * (1 + spread), left))


def fingerprint(failure: Failure, action: str) -> str:
    """Return 12 hex digits that group failures of one cause: exception, own functions, code, action."""
    functions = [line.partition(" in ")[2] for line in (failure.stacktrace or "").splitlines()]
    text = "\n".join([failure.exception or "", *functions, failure.code, action])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


_FOREIGN = tuple(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib", "platlib"))
_OWN = tuple(str(Path(package.__path__[0]).resolve()) for package in (actions, streams, topics))
"""Our own packages, even when they are installed beside foreign ones."""


def own_frames(error: BaseException) -> str | None:
    """Return `file:line in function` of our own frames, outermost first; no values, at most 4 KiB."""
    frames = traceback.extract_tb(error.__traceback__)
    places = (own_place(frame.filename, frame.lineno, frame.name) for frame in frames)
    lines = [place for place in places if place is not None]
    return "\n".join(lines).encode()[-STACK_LIMIT:].decode(errors="ignore") or None


def own_place(file: str, line: int | None, function: str) -> str | None:
    """Return `file:line in function`; None when the code there is not ours."""
    path = Path(file)
    place = str(path.resolve())
    if file.startswith("<") or (place.startswith(_FOREIGN) and not place.startswith(_OWN)):
        return None
    return f"{'/'.join(path.parts[-3:])}:{line} in {function}"


@cache
def app_version() -> str:
    """Return the version of this build."""
    return version("leads")

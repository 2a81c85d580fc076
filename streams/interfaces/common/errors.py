"""Maps every expected error to an exit code and one sentence; no other module does.

0 done · 1 the command did not succeed · 2 wrong use or settings · 3 a dependency cannot be reached ·
4 the watchdog ended a worker that hung (streams/operations/health/watchdog.py) ·
5 `leads verify` found something · 130 interrupted
"""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

DONE = 0
NOT_DONE = 1
WRONG_USE = 2
UNREACHABLE = 3
FOUND = 5
"""`leads verify` found a fault."""
INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot continue; `code` is its exit code, the text its sentence."""

    code = NOT_DONE


class WrongUseError(CommandError):
    """An argument or a setting cannot be used; change it and run the command again."""

    code = WRONG_USE


class UnreachableError(CommandError):
    """A broker, database or mail server does not answer; the same command can be run again later."""

    code = UNREACHABLE


class Ending(NamedTuple):
    """Exit code and error message of a command."""

    code: int
    sentence: str


def ending_of(error: Exception) -> Ending | None:
    """Return exit code and sentence of an expected error; None for a defect, whose traceback is needed."""
    if isinstance(error, CommandError):
        return Ending(error.code, str(error))
    # Only a command that fails needs these modules; loading them takes longer than `leads --help` does.
    from aiokafka.errors import KafkaError

    from streams.dead_letters.audit import AuditError
    from streams.dead_letters.job_control import JobError
    from streams.dead_letters.plan import PlanError
    from streams.dead_letters.selection import SelectionError
    from streams.errors import SettingsError
    from streams.kafka.local import JarsUnavailableError, LocalKafkaError
    from streams.kafka.producer import PublishError
    from streams.kafka.reader import LogError
    from streams.kafka.topics import TopicsError
    from streams.operations.recovery.backup import BackupError
    from streams.operations.recovery.catch_up import GapError
    from streams.operations.recovery.outdated_store import BehindError
    from streams.operations.verify.logs import CannotLookError
    from streams.store.engine import StoreRefusedError, StoreUnavailableError
    from streams.workflow import PortError, WorkflowError

    if isinstance(error, UnicodeEncodeError) and (broken := _not_utf8()) is not None:
        return Ending(WRONG_USE, f"{broken!r} is not UTF-8; write it as text, or select by something else")
    reason = _first_line(error)
    if isinstance(error, OSError) and error.filename is not None:
        return Ending(WRONG_USE, f"{error.filename} cannot be used: {error.strerror}")
    rules: tuple[tuple[tuple[type[Exception], ...], int, str], ...] = (
        # str() of a LookupError, which PortError is, would put quotes around it.
        ((SettingsError, PortError, WorkflowError), WRONG_USE, str(next(iter(error.args), reason))),
        ((JarsUnavailableError,), UNREACHABLE, str(error)),
        ((LocalKafkaError, TopicsError, BackupError, BehindError, GapError), NOT_DONE, str(error)),
        ((CannotLookError, LogError, AuditError), UNREACHABLE, str(error)),
        ((PlanError, SelectionError), WRONG_USE, str(error)),
        ((JobError,), NOT_DONE, str(error)),
        (
            (StoreUnavailableError,),
            UNREACHABLE,
            f"the database cannot be reached: {driver_reason(error)}; LEADS_DATABASE says where it is",
        ),
        ((StoreRefusedError,), NOT_DONE, f"the database refuses this: {driver_reason(error)}"),
        (
            (PublishError, KafkaError),
            UNREACHABLE,
            f"Kafka does not answer: {reason}; LEADS_KAFKA says where it is",
        ),
    )
    for kinds, code, sentence in rules:
        if isinstance(error, kinds):
            return Ending(code, sentence)
    return None


def driver_reason(error: Exception) -> str:
    """Return the driver's message when it is about the connection; about a statement it may quote personal data."""
    from sqlalchemy.exc import DBAPIError, OperationalError

    cause = error.__cause__
    if isinstance(cause, DBAPIError) and cause.orig is not None:
        is_sqlite = isinstance(cause, OperationalError) and type(cause.orig).__module__ == "sqlite3"
        if cause.statement is None or is_sqlite:
            return _first_line(cause.orig)
    return str(error)


def _not_utf8() -> str | None:
    """Return the argument whose bytes are not UTF-8; Python keeps such bytes as lone surrogates."""
    return next((text for text in sys.argv if re.search("[\ud800-\udfff]", text)), None)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return (text.splitlines()[0] if text else type(error).__name__).removesuffix(".")

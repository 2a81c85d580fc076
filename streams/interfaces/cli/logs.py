"""Configures logs: on stderr, as text or JSON Lines, without personal data, and quiet in an outage."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog
from aiokafka.errors import KafkaError

FOREIGN = ("aiokafka", "faust", "mode", "asyncio", "alembic", "aiohttp", "sqlalchemy")
"""Loggers of libraries: they log from warnings up, each message at most once in `SELDOM_S`."""
OWN = ("streams", "actions", "topics")
SELDOM_S = 30.0

_SAFE = (KafkaError, OSError)
"""Exceptions whose text is about connections; the text of others may quote personal data."""

Event = MutableMapping[str, Any]


def configure(*, as_json: bool = False, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send all logs to stderr (or `stream`), one line each; as JSON with `as_json`."""
    target = stream or sys.stderr
    # Faust leaves the root logger at DEBUG, which costs a tenth of the CPU for records that no handler prints.
    logging.disable(logging.DEBUG)
    shared: list[Callable[..., Any]] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _exception_without_its_text,
    ]
    if as_json:
        rendered: list[Callable[..., Any]] = [_in_order, structlog.processors.JSONRenderer(sort_keys=False)]
    else:
        # An exception is printed as one more key, because a traceback would print its text.
        rendered = [_line]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter)
    handler.addFilter(_without_life_cycle)
    handler.addFilter(_without_foreign_values)
    handler.addFilter(Seldom(FOREIGN, SELDOM_S))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in FOREIGN:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def silence() -> None:
    """Silence all libraries, for commands that print each error as one sentence."""
    logging.disable(logging.DEBUG)
    root = logging.getLogger()
    root.handlers[:] = [logging.NullHandler()]
    for name in FOREIGN:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


class Seldom:
    """A log filter for libraries that repeat themselves thousands of times while a broker is away."""

    def __init__(
        self, loggers: tuple[str, ...], seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Pass a message of these loggers once in so many seconds; the next one has the number left out in between."""
        self._loggers = loggers
        self._seconds = seconds
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def __call__(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        if record.name.partition(".")[0] not in self._loggers and not str(record.msg).startswith("[^"):
            return True
        key = (record.name, str(record.msg))
        shown_at, left_out = self._seen.get(key, (None, 0))
        now = self._clock()
        if shown_at is not None and now - shown_at < self._seconds:
            self._seen[key] = (shown_at, left_out + 1)
            return False
        self._seen[key] = (now, 0)
        if left_out:
            record.left_out = left_out
        return True


def _without_life_cycle(record: logging.LogRecord) -> bool:
    """Leave out starts and stops of Faust's services; our subclasses log theirs under our names."""
    return record.levelno >= logging.WARNING or not str(record.msg).startswith("[^")


def _without_foreign_values(record: logging.LogRecord) -> bool:
    """Replace an exception among the arguments by its type, because its text may quote a record."""
    if isinstance(record.args, tuple):
        record.args = tuple(_safe(argument) for argument in record.args)
    if record.name == "asyncio":
        # "Task exception was never retrieved" continues with the task, whose text quotes the exception.
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
    return True


def _safe(argument: object) -> object:
    if (
        isinstance(argument, BaseException)
        and not isinstance(argument, _SAFE)
        and not _is_own(type(argument))
    ):
        return type(argument).__name__
    return argument


def _is_own(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in OWN


def _exception_without_its_text(_: object, __: str, event: Event) -> Event:
    """Log an exception by type and our frames; its text only when it is ours or about a connection."""
    record = event.get("_record")
    info = event.pop("exc_info", None) or (record.exc_info if record is not None else None)
    if info is True:
        info = sys.exc_info()
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    if record is not None:
        record.exc_info = record.exc_text = None
    if error is None:
        return event
    from streams.engine.failures import own_frames

    event["exception"] = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, _SAFE) or _is_own(type(error)):
        event["exception_message"] = str(error)
    frames = own_frames(error)
    if frames:
        event["at"] = frames.splitlines()
    return event


def _in_order(_: object, __: str, event: Event) -> Event:
    """Put the keys of every line first, because people read JSON, too."""
    first = ("time", "level", "logger", "event")
    return {name: event[name] for name in first} | {n: v for n, v in event.items() if n not in first}


def _line(_: object, __: str, event: Event) -> str:
    """Render a line for people: time, level, event, and the rest as name=value."""
    moment, level, logger = event.pop("time"), event.pop("level"), event.pop("logger", "")
    sentence = event.pop("event")
    frames = event.pop("at", [])
    rest = "".join(f" {name}={value}" for name, value in event.items() if not name.startswith("_"))
    place = "" if logger.startswith(OWN) else f" [{logger}]"
    trace = "".join(f"\n    {frame}" for frame in frames)
    return f"{moment[:19]}Z {level:<7} {sentence}{rest}{place}{trace}"

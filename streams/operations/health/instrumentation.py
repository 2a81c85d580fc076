"""This file looks over the shoulder of the work: what passes through here is noted in the books of progress.

Nothing is asked for the sake of health: a dependency is as reachable as it was when the work last needed it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

from actions.errors import TransientError, UncertainError
from actions.ports import Mail, Mailer, Notifier
from streams.engine.installation import Adapters
from streams.engine.pauses import PausedError, StoppingError
from streams.kafka.producer import Outgoing, Publisher, PublishError
from streams.operations.health.progress import BROKER, MAIL, WEBHOOK, Dependency, Part, WorkerProgress
from streams.store.engine import StoreError
from topics.decode import Record
from topics.events import LeadAssigned

T = TypeVar("T")

KNOWN = (StoreError, PublishError, StoppingError, PausedError)
"""What an agent knows how to wait for. Anything else is a defect, and no sign of getting on."""

BatchHandler = Callable[[Iterable[Record], Callable[[], bool]], Awaitable[None]]


def watched_agent(part: Part, settle: BatchHandler) -> BatchHandler:
    """Note how an agent's work on its batches goes."""

    async def settle_and_note(records: Iterable[Record], is_taken: Callable[[], bool]) -> None:
        def is_taken_and_note() -> bool:
            # Asked before each outside call: the one before it is done. A step that pauses asks again and again.
            part.move()
            return is_taken()

        work = settle(records, is_taken_and_note)
        part.begin(work)
        is_step = False
        try:
            await work
            is_step = True
        except KNOWN:
            is_step = True
            raise
        finally:
            part.end(is_step=is_step)

    return settle_and_note


class InstrumentedPublisher:
    """A `Publisher` that notes whether the broker took the records."""

    def __init__(self, inner: Publisher, broker: Dependency) -> None:
        """Publish through `inner`."""
        self._inner = inner
        self._broker = broker

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """See `Publisher.publish`."""
        try:
            await self._inner.publish(records)
        except PublishError as error:
            self._broker.failed(str(error))
            raise
        self._broker.answered()


class InstrumentedMailer:
    """A `Mailer` that notes whether the mail server answered."""

    def __init__(self, inner: Mailer, server: Dependency) -> None:
        """Send through `inner`."""
        self._inner = inner
        self._server = server
        self.dependency: str | None = getattr(inner, "dependency", None)

    async def send(self, mail: Mail) -> None:
        """See `Mailer.send`."""
        await _seen(self._server, self._inner.send(mail))


class InstrumentedNotifier:
    """A `Notifier` that notes whether the webhook answered."""

    def __init__(self, inner: Notifier, webhook: Dependency) -> None:
        """Notify through `inner`."""
        self._inner = inner
        self._webhook = webhook
        self.dependency: str | None = getattr(inner, "dependency", None)

    @property
    def channel(self) -> Literal["webhook", "email", "none"]:
        """See `Notifier.channel`."""
        return self._inner.channel

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:
        """See `Notifier.notify`."""
        return await _seen(self._webhook, self._inner.notify(key=key, assigned=assigned))


async def _seen(dependency: Dependency, call: Awaitable[T]) -> T:
    try:
        done = await call
    except (TransientError, UncertainError) as error:
        dependency.failed(error.code)  # the text may name an address
        raise
    except Exception:
        dependency.answered()  # a refusal is an answer
        raise
    dependency.answered()
    return done


def seen_publisher(inner: Publisher, progress: WorkerProgress) -> InstrumentedPublisher:
    """Note in the books what the broker takes."""
    return InstrumentedPublisher(inner, progress.dependencies[BROKER])


def seen_adapters(adapters: Adapters, progress: WorkerProgress) -> Adapters:
    """Give the adapters with those to the outside replaced by ones that note what they see."""
    shared = dict(adapters.ports.shared)
    mailer, notifier = shared.get(Mailer), shared.get(Notifier)
    if mailer is not None:
        shared[Mailer] = InstrumentedMailer(mailer, progress.dependencies[MAIL])  # type: ignore[arg-type]
    if notifier is not None:
        name = MAIL if getattr(notifier, "channel", None) == "email" else WEBHOOK
        shared[Notifier] = InstrumentedNotifier(notifier, progress.dependencies[name])  # type: ignore[arg-type]
    return replace(adapters, ports=replace(adapters.ports, shared=shared))

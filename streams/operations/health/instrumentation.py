"""This file looks over the shoulder of the work: what passes through here is noted in the books of progress.

Nothing is asked for the sake of health: a dependency is as reachable as it was when the work last needed it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

from actions.errors import TransientError, UncertainError
from actions.ports import Mail, Mailer, Notifier
from streams.engine.installation import Adapters
from streams.kafka.producer import Outgoing, Publisher, PublishError
from streams.operations.health.progress import BROKER, MAIL, WEBHOOK, Dependency, WorkerProgress
from topics.events import LeadAssigned

T = TypeVar("T")


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
        self.drops_copies: bool = getattr(inner, "drops_copies", False)

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
        self.drops_copies: bool = getattr(inner, "drops_copies", False)

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

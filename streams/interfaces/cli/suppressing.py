"""`leads suppress` and `leads unsuppress`: publish that a person must not be written to any more, or may be again."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import uuid4

import typer

from streams.interfaces.common.errors import UnreachableError, WrongUseError
from streams.interfaces.common.output import AsJson, print_err, write_json

if TYPE_CHECKING:
    from streams.kafka.address import KafkaAddress
    from streams.kafka.producer import Outgoing
    from streams.settings import Settings
    from topics.registry import TopicNames

Why = Literal["unsubscribed", "bounced", "complained", "operator"]
_Person = Annotated[
    str, typer.Argument(metavar="EMAIL|PHONE", help="The person's e-mail or phone in any spelling.")
]


def suppress(
    person: _Person,
    reason: Annotated[
        Why,
        typer.Option(
            help="unsubscribed ends by a later yes of the person, the others by `leads unsuppress` alone."
        ),
    ] = "operator",
    as_json: AsJson = False,
) -> None:
    """Send no mail to a person any more, whatever their leads say.

    A mail that a worker has already begun is not stopped. Exit codes: 0 published, 2 nobody can be recognised in the
    text, 3 no broker.
    """
    _publish(person, reason, as_json=as_json)


def unsuppress(person: _Person, as_json: AsJson = False) -> None:
    """End every suppression of a person; what the person's consent says counts again.

    Exit codes: 0 published, 2 nobody can be recognised in the text, 3 no broker.
    """
    _publish(person, "lifted", as_json=as_json)


def _publish(person: str, reason: str, *, as_json: bool) -> None:
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.settings import LeadsTable
    from topics.registry import TopicNames

    logs.silence()
    settings = connections.settings()
    config = connections.config_if_there(settings)
    field = _field_of(person, (LeadsTable() if config is None else config.leads).default_region)
    record = _record(TopicNames(settings.prefix), field, person, reason)
    with connections.kafka(settings) as address:
        asyncio.run(_send(settings, address, record))
    event_id = dict(record.headers)["ce_id"] or b""
    if as_json:
        write_json({"id": event_id.decode(), "topic": record.topic, "reason": reason})
    else:
        done = "may be written to again" if reason == "lifted" else f"is suppressed ({reason})"
        print_err(f"Published to {record.topic}: this {field} {done} as soon as a worker has read it.")


def _field_of(person: str, region: str) -> Literal["email", "phone"]:
    from actions.normalise.email_address import normalise_email
    from actions.normalise.phone_number import normalise_phone
    from actions.normalise.refused import Refused

    field: Literal["email", "phone"] = "email" if "@" in person else "phone"
    try:
        found = normalise_email(person) if field == "email" else normalise_phone(person, region)
    except Refused as refused:
        raise WrongUseError(refused.message) from None
    if found is None:
        raise WrongUseError("name the person by an e-mail or a phone")
    return field


def _record(names: TopicNames, field: str, person: str, reason: str) -> Outgoing:
    from datetime import UTC, datetime

    import orjson

    from streams.kafka.producer import Outgoing
    from topics.envelope import timestamp
    from topics.events import ContactSuppressed

    now = timestamp(datetime.now(UTC))
    event_id = str(uuid4())
    value = orjson.dumps({field: person, "reason": reason, "time": now})
    headers: list[tuple[str, bytes | None]] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", b"/leads/cli"),
        ("ce_type", ContactSuppressed.type.encode()),
        ("ce_time", now.encode()),
        ("content-type", b"application/json"),
    ]
    return Outgoing(names.of(ContactSuppressed), event_id.encode(), value, headers)


async def _send(settings: Settings, address: KafkaAddress, record: Outgoing) -> None:
    from streams.interfaces.cli import topics
    from streams.interfaces.common import connections
    from streams.kafka.producer import KafkaPublisher, PublishError, new_producer

    wanted = connections.wanted(settings, connections.topics_table(settings))
    differences = await topics.ensure(address, wanted, may_make=settings.environment == "development")
    if missing := [item for item in differences if item.topic == record.topic and item.what == "missing"]:
        raise WrongUseError(str(missing[0]))
    async with KafkaPublisher(partial(new_producer, address)) as publisher:
        try:
            await publisher.publish([record])
        except PublishError as error:
            raise UnreachableError(str(error)) from None

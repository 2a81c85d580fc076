"""Binds adapters to ports, and applies leads.toml to what actions declare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from actions.ports import (
    Contacts,
    Identity,
    LeadRules,
    Mailer,
    Notifier,
    Roster,
    Suppressions,
    WelcomeTemplate,
)
from streams.adapters.identity import HmacIdentity
from streams.adapters.notify import notifier_from
from streams.adapters.smtp import SmtpMailer, SmtpSettings
from streams.adapters.templates import JinjaWelcome
from streams.engine.installation import Adapters, Installation
from streams.engine.pauses import PauseRules
from streams.errors import SettingsError
from streams.kafka.producer import Publisher
from streams.onboarding import ONBOARDING
from streams.settings import Config, EffectTable, Settings
from streams.store.contacts import SqlContacts
from streams.store.engine import Database
from streams.store.roster import SqlRoster
from streams.store.suppressions import SqlSuppressions
from streams.workflow import Ports, Workflow
from topics.events import Owner
from topics.registry import TopicNames

T = TypeVar("T")


def installation_of(
    settings: Settings, config: Config | None, database: Database, publisher: Publisher
) -> Installation:
    """Build what workers, commands and HTTP share; nothing is connected yet.

    Without leads.toml (None) there are no adapters, which suffices for commands that run no action.

    Raise `SettingsError` naming the variable, or leads.toml and its key.
    """
    return Installation(
        workflow=ONBOARDING if config is None else configured(ONBOARDING, config),
        database=database,
        publisher=publisher,
        adapters=Adapters() if config is None else adapters(settings, config),
        topics=TopicNames(settings.prefix),
        group=settings.group,
    )


def check_adapters(settings: Settings, config: Config) -> None:
    """Raise the `SettingsError` or `PortError` that a worker would raise at its start; nothing is connected."""
    adapters(settings, config).ports.check(configured(ONBOARDING, config))


def adapters(settings: Settings, config: Config) -> Adapters:
    """Build the adapters that the settings name; nothing is connected yet.

    Raise `SettingsError` naming the variable, or leads.toml and its key.
    """
    owners = tuple(Owner(id=entry.id, name=entry.name, email=entry.email) for entry in config.owners)
    if settings.smtp is None:
        msg = "LEADS_SMTP is not set; write smtp://user:password@host:port (or run `leads demo`, which brings its own)"
        raise SettingsError(msg)
    mailer = SmtpMailer(
        _read("LEADS_SMTP", lambda: SmtpSettings.parse(settings.smtp or "")),
        sender=config.welcome.sender,
        connections=config.welcome.connections + config.notify.connections,
    )
    template = _read(
        f"{settings.config}: welcome.templates",
        lambda: JinjaWelcome(
            sender=config.welcome.sender,
            folder=config.welcome.templates,
            language=config.welcome.language,
            unsubscribe=config.welcome.unsubscribe,
        ),
    )
    notifier = _read(
        "LEADS_NOTIFY", lambda: notifier_from(settings.notify, secret=settings.notify_secret, mailer=mailer)
    )
    shared: dict[type, object] = {
        Identity: HmacIdentity(settings.contact_secret),
        LeadRules: config.leads,
        Mailer: mailer,
        WelcomeTemplate: template,
        Notifier: notifier,
    }
    ports = Ports(
        shared,
        {
            Contacts: SqlContacts,
            Roster: lambda connection, _: SqlRoster(connection, owners),
            Suppressions: lambda connection, _: SqlSuppressions(connection),
        },
    )
    return Adapters(
        ports,
        pause_rules=PauseRules(**dict(config.pause)),
        closers=(mailer.aclose, notifier.aclose),
    )


def configured(workflow: Workflow, config: Config) -> Workflow:
    """Return the workflow with the rules of leads.toml, which override those for retries and for each named effect."""
    rules = {name: value for name, value in config.retry if value is not None}
    steps = (replace(step, retry=replace(step.retry, **rules)) for step in workflow.steps)
    workflow = Workflow(workflow.name, *steps)
    for effect in workflow.effects:
        table = getattr(config, effect.name, None)
        if isinstance(table, EffectTable):
            wins = {_FIELDS[key]: getattr(table, key) for key in table.model_fields_set & _FIELDS.keys()}
            workflow = workflow.with_effect(effect.name, **wins)
    return workflow


_FIELDS = {"connections": "concurrency", "when_uncertain": "when_uncertain", "requires": "requires"}
"""Keys of an effect's table, and the fields of `Effect` that they override."""


def _read(place: str, build: Callable[[], T]) -> T:
    try:
        return build()
    except ValueError as error:
        msg = f"{place}: {error}"
        raise SettingsError(msg) from None

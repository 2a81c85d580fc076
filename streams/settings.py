"""Read the settings: `LEADS_*` variables, and leads.toml for the roster and the rules."""

from __future__ import annotations

import os
import secrets
import tomllib
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from actions.action import WhenUncertain
from streams.dead_letters.patching import RecipeTable
from streams.durations import Duration
from streams.errors import SettingsError
from streams.kafka.address import LOOPBACK
from streams.operations.health.address import HealthAddress, read_health
from topics.registry import DEFAULT_PREFIX, LONGEST_RETENTION


def _region(value: str) -> str:
    import phonenumbers  # noqa: PLC0415 - the metadata is large, and only a start needs it

    if value not in phonenumbers.SUPPORTED_REGIONS:
        msg = 'must be an ISO 3166-1 alpha-2 region in capitals, e.g. "DE"'
        raise ValueError(msg)
    return value


def _mailbox(value: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - as above

    try:
        validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        msg = f"is not an e-mail address: {error}"
        raise ValueError(msg) from None
    return value


Mailbox = Annotated[str, AfterValidator(_mailbox)]


def _sender(value: str) -> str:
    from streams.adapters.addresses import Sender  # noqa: PLC0415 - as above

    Sender.parse(value)
    return value


def _failpoint(value: str | None) -> str | None:
    if value is not None:
        from streams.failpoints import parse  # noqa: PLC0415 - only tests use it

        parse(value)
    return value


def _none_or_a_second(value: timedelta) -> timedelta:
    if timedelta(0) < value < timedelta(seconds=1):
        msg = "must be at least 1s, or 0s for no watchdog"
        raise ValueError(msg)
    return value


class Closed(BaseModel):
    """A table of leads.toml. An unknown key is an error, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnerEntry(Closed):
    """One `[[owners]]` entry."""

    id: str = Field(min_length=1, max_length=100)
    name: str = Field(min_length=1, max_length=200)
    email: Mailbox


class LeadsTable(Closed):
    """`[leads]`: how leads are read."""

    default_region: Annotated[str, AfterValidator(_region)] = "US"


def _unsubscribe(value: str) -> str:
    is_mail, is_page = value.startswith("mailto:") and "@" in value, value.startswith("https://")
    if not (is_mail or is_page) or not value.isascii() or not value.isprintable() or set(value) & set("<> "):
        msg = 'must be an address or a page, e.g. "mailto:leave@example.com" or "https://example.com/leave?{email}"'
        raise ValueError(msg)
    return value


class EffectTable(Closed):
    """The table of an effect, named like the effect; a key set here overrides the action's declaration."""

    when_uncertain: WhenUncertain = "ask"
    connections: int = Field(default=16, ge=1, le=100)


class WelcomeTable(EffectTable):
    """`[welcome]`: the mail that welcomes a contact."""

    sender: Annotated[str, AfterValidator(_sender)] = "welcome@leads.invalid"
    templates: Path | None = None
    language: str = "en"
    requires: Literal["no-objection", "consent"] = "no-objection"
    unsubscribe: Annotated[str, AfterValidator(_unsubscribe)] | None = None


class NotifyTable(EffectTable):
    """`[notify]`: the notice to the owner."""


class RetryTable(Closed):
    """`[retry]`: when a transient failure is retried."""

    delays: tuple[Duration, ...] | None = None
    give_up_after: Duration | None = None


class PauseTable(Closed):
    """`[pause]`: when a step pauses by itself instead of writing letters; see `PauseRules`."""

    failures: int = Field(default=100, ge=1, le=100_000)
    failures_within: Duration = timedelta(minutes=10)
    probe_after: Duration = timedelta(seconds=1)
    probe_at_most: Duration = timedelta(seconds=10)
    letters_per_minute: int = Field(default=300, ge=1, le=1_000_000)


class LedgerTable(Closed):
    """`[ledger]`: how long executions are kept."""

    retention: Duration = LONGEST_RETENTION + timedelta(days=7)

    @field_validator("retention")
    @classmethod
    def _outlives_topics(cls, value: timedelta) -> timedelta:
        if value <= LONGEST_RETENTION:
            msg = f"must be more than {LONGEST_RETENTION.days} days, for which topics and letters can be replayed"
            raise ValueError(msg)
        return value


class TopicsTable(Closed):
    """`[topics]`: how topics are created."""

    partitions: int = Field(default=12, ge=1, le=1000)
    replication_factor: int | None = Field(default=None, ge=1, le=10)


Role = Literal["viewer", "operator"]


class ApiKeyTable(BaseModel):
    """`[[api_keys]]`: who may use the HTTP API. A viewer reads all but the records; an operator also changes things."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9 ._@-]{1,100}$")
    """The author in the audit."""
    role: Role
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    expires: AwareDatetime


class Config(Closed):
    """leads.toml."""

    owners: tuple[OwnerEntry, ...] = Field(min_length=1)
    leads: LeadsTable = LeadsTable()
    welcome: WelcomeTable = WelcomeTable()
    notify: NotifyTable = NotifyTable()
    retry: RetryTable = RetryTable()
    pause: PauseTable = PauseTable()
    ledger: LedgerTable = LedgerTable()
    topics: TopicsTable = TopicsTable()
    recipes: tuple[RecipeTable, ...] = ()
    api_keys: tuple[ApiKeyTable, ...] = ()

    @field_validator("recipes")
    @classmethod
    def _names_are_unique(cls, recipes: tuple[RecipeTable, ...]) -> tuple[RecipeTable, ...]:
        names = [recipe.name for recipe in recipes]
        for name in names:
            if names.count(name) > 1:
                msg = f"name {name!r} occurs twice; a new version replaces the old one"
                raise ValueError(msg)
        return recipes

    @field_validator("owners")
    @classmethod
    def _ids_are_unique(cls, owners: tuple[OwnerEntry, ...]) -> tuple[OwnerEntry, ...]:
        ids = [owner.id for owner in owners]
        for owner_id in ids:
            if ids.count(owner_id) > 1:
                msg = f"id {owner_id!r} occurs twice; every owner needs a different id"
                raise ValueError(msg)
        return owners


class Settings(BaseSettings):
    """The `LEADS_*` variables."""

    model_config = SettingsConfigDict(env_prefix="LEADS_", frozen=True, extra="ignore", env_ignore_empty=True)

    kafka: str | None = None
    database: str | None = None
    smtp: str | None = None
    notify: str | None = None
    notify_secret: str | None = Field(default=None, repr=False)
    config: Path = Path("leads.toml")
    env: Literal["development", "production"] | None = None
    secret: str | None = Field(default=None, repr=False, min_length=16)
    session_timeout: Duration = timedelta(seconds=10)
    prefix: str = Field(default=DEFAULT_PREFIX, pattern=r"^[A-Za-z0-9._-]{0,60}$")
    group: str = Field(default="leads", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    data: Path = Field(default_factory=lambda: platformdirs.user_data_path("leads"))
    health: Annotated[HealthAddress | None, NoDecode, BeforeValidator(read_health)] = None
    failpoint: Annotated[str | None, AfterValidator(_failpoint)] = None
    watchdog: Annotated[Duration, AfterValidator(_none_or_a_second)] = timedelta(seconds=60)

    @field_validator("database")
    @classmethod
    def _database_is_known(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            url = make_url(value)
        except ArgumentError:
            msg = "is not an SQLAlchemy URL; write sqlite:///file.db or postgresql+psycopg://user@host/name"
            raise ValueError(msg) from None
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            msg = f"names {url.get_backend_name()}; only sqlite and postgresql+psycopg are supported"
            raise ValueError(msg)
        if url.get_backend_name() == "postgresql" and url.drivername != "postgresql+psycopg":
            msg = "must name the driver: postgresql+psycopg://…"
            raise ValueError(msg)
        return value

    @property
    def environment(self) -> Literal["development", "production"]:
        """Return LEADS_ENV, else `development` when the broker is on this machine."""
        if self.env is not None:
            return self.env
        address = (self.kafka or "127.0.0.1").rpartition("://")[2].partition("?")[0]
        servers = address.rpartition("@")[2].split(",")
        is_local = all(server.rpartition(":")[0] in LOOPBACK or server in LOOPBACK for server in servers)
        return "development" if is_local else "production"

    @property
    def database_url(self) -> str:
        """Return LEADS_DATABASE, else a SQLite file in the data folder."""
        return self.database or f"sqlite:///{self.data / 'leads.db'}"

    @cached_property
    def contact_secret(self) -> bytes:
        """Return the key of the contact-key HMAC; in development, generate it once and keep it in the data folder.

        Raise `SettingsError` in production when LEADS_SECRET is not set.
        """
        if self.secret is not None:
            return self.secret.encode()
        if self.environment == "production":
            msg = (
                "LEADS_SECRET is not set and production requires it; generate one with `openssl rand -hex 32`"
            )
            raise SettingsError(msg)
        self.data.mkdir(parents=True, exist_ok=True)
        path = self.data / "secret"
        try:
            # Create it exclusively, because two first starts with two secrets would give one person two keys.
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
        except FileExistsError:
            pass
        return path.read_text().strip().encode()


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - any field
    """Read the variables. Raise `SettingsError` that names the first invalid variable."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = "LEADS_" + str(first["loc"][0]).upper()
        msg = f"{name} {_sentence(first['msg'])}"
        raise SettingsError(msg) from None


def load_config(path: Path) -> Config:
    """Read leads.toml. Raise `SettingsError` that names the file and the key."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        msg = f"{path} does not exist; copy leads.sample.toml there, or set LEADS_CONFIG"
        raise SettingsError(msg) from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise SettingsError(msg) from None
    except tomllib.TOMLDecodeError as error:
        msg = f"{path} is not valid TOML: {error}"
        raise SettingsError(msg) from None
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        msg = f"{path}: {place} {_sentence(first['msg'])}"
        if place == "owners" and first["type"] in ("missing", "too_short"):
            msg = f"{path}: there is no [[owners]] entry; add one with id, name and email"
        raise SettingsError(msg) from None


def _sentence(message: str) -> str:
    plain = message.removeprefix("Value error, ")
    for theirs, ours in _WORDS.items():
        plain = plain.replace(theirs, ours)
    return plain


_WORDS = {
    "Input should": "should",
    "Field required": "is missing",
    "Extra inputs are not permitted": "is not known; see leads.sample.toml",
    "String should match pattern": "must match",
    "String should": "should",
    "List should": "should",
    "a valid tuple": "a list; see leads.sample.toml",
    "a valid dictionary": "a table, { … }",
}
"""Phrases of pydantic, and their replacements after the name of a setting."""

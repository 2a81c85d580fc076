"""This file lays out the demo's data folder: settings, journals, logs, and what a shell needs to look inside."""

from __future__ import annotations

import base64
import os
import secrets
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streams.interfaces.common.errors import WrongUseError
from streams.kafka.local.locks import FileLock
from streams.settings import Settings

PREFIX = "demo."
GROUP = "leads-demo"

LEADS_TOML = """\
# The demo's roster and rules; yours to change. Delete the file to get it back.

[[owners]]
id = "ada"
name = "Ada Lovelace"
email = "ada@example.com"

[[owners]]
id = "grace"
name = "Grace Hopper"
email = "grace@example.com"

[[owners]]
id = "katherine"
name = "Katherine Johnson"
email = "katherine@example.com"

[[owners]]
id = "alan"
name = "Alan Turing"
email = "alan@example.com"

[[owners]]
id = "edsger"
name = "Edsger Dijkstra"
email = "edsger@example.com"

[leads]
default_region = "DE"

[welcome]
sender = "Leads Demo <welcome@example.com>"

# Short, so that the outage of the mail server heals while you watch.
[retry]
delays = ["3s", "6s", "15s", "30s", "1m"]
"""


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Everything that the demo keeps, in one folder that may be deleted."""

    path: Path

    @property
    def config(self) -> Path:
        """leads.toml."""
        return self.path / "leads.toml"

    @property
    def mails(self) -> Path:
        """One JSON line per mail that the mail server took."""
        return self.path / "mails.jsonl"

    @property
    def hooks(self) -> Path:
        """One JSON line per webhook that the sink took."""
        return self.path / "webhooks.jsonl"

    @property
    def environment(self) -> Path:
        """What a shell reads so that `leads` looks at the demo."""
        return self.path / "demo.env"

    @property
    def logs(self) -> Path:
        """Logs of the worker and the servers."""
        return self.path / "logs"

    def make(self) -> None:
        """Make the folder and leads.toml; what is there stays."""
        self.logs.mkdir(parents=True, exist_ok=True)
        if not self.config.exists():
            self.config.write_text(LEADS_TOML, encoding="utf-8")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a second demo out of this folder. Raises `WrongUseError` when one runs there."""
        lock = FileLock(self.path / "demo.lock")
        if not lock.acquire():
            raise WrongUseError(f"a demo runs in {self.path} already; wait for it, or give another --data")
        try:
            yield
        finally:
            lock.release()

    def write_environment(self, variables: Mapping[str, str]) -> None:
        """Write the file that a shell reads."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        head = "# Read it with `. demo.env`: then `leads` looks at the demo's data, in this shell."
        self.environment.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
        self.environment.chmod(0o600)  # LEADS_KAFKA and LEADS_DATABASE may hold passwords


def demo_settings(given: Settings, folder: DemoFolder) -> Settings:
    """Give the settings of the demo: what was set counts, except where it would reach real people or real data."""
    return Settings(
        kafka=given.kafka,
        database=given.database,
        config=folder.config.absolute(),
        env=given.env or "development",
        secret=given.secret,
        session_timeout=given.session_timeout,
        prefix=given.prefix if "prefix" in given.model_fields_set else PREFIX,
        group=given.group if "group" in given.model_fields_set else GROUP,
        data=folder.path.absolute(),
    )


def shell_variables(settings: Settings) -> dict[str, str]:
    """Give the `LEADS_*` variables of these settings, as far as they are not secrets made up for one run."""
    optional = {
        "LEADS_KAFKA": settings.kafka,
        "LEADS_DATABASE": settings.database,
        "LEADS_SECRET": settings.secret,
    }
    return {
        "LEADS_DATA": str(settings.data),
        "LEADS_CONFIG": str(settings.config),
        "LEADS_PREFIX": settings.prefix,
        "LEADS_GROUP": settings.group,
        "LEADS_ENV": settings.environment,
        **{name: value for name, value in optional.items() if value is not None},
    }


def child_environment(settings: Settings, more: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a child: ours without any `LEADS_*` but those of the demo."""
    root = str(Path(__file__).resolve().parents[3])
    search = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    mine = {name: value for name, value in os.environ.items() if not name.startswith("LEADS_")}
    return {**mine, "PYTHONPATH": search, **shell_variables(settings), **more}


def new_webhook_secret() -> str:
    """Make a signing secret as Standard Webhooks wants it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()

"""The demo's data folder and settings: journals, logs, leads.toml, and what a shell needs to look inside."""

from __future__ import annotations

import base64
import os
import secrets
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import streams
from streams.interfaces.common.errors import WrongUseError
from streams.kafka.local.locks import FileLock
from streams.settings import Settings

PREFIX = "demo."
GROUP = "leads-demo"

_NAMES = ("Ada Lovelace", "Grace Hopper", "Katherine Johnson", "Alan Turing", "Edsger Dijkstra")
_OWNERS = [
    f'[[owners]]\nid = "{name.split()[0].lower()}"\nname = "{name}"\nemail = "{name.split()[0].lower()}@example.com"\n'
    for name in _NAMES
]
LEADS_TOML = """\
# The demo's roster and rules; yours to change. Delete the file to get it back.

{owners}
[leads]
default_region = "DE"

[welcome]
sender = "Leads Demo <welcome@example.com>"

# Short, so that the outage of the mail server heals while you watch.
[retry]
delays = ["3s", "6s", "15s", "30s", "1m"]
""".format(owners="\n".join(_OWNERS))


class DemoFolder:
    """Everything that the demo keeps, in one folder that may be deleted."""

    def __init__(self, path: Path) -> None:
        """Name what is in it; nothing is made yet."""
        self.path = path
        self.config = path / "leads.toml"
        self.mails = path / "mails.jsonl"
        """The mail server's journal: one JSON line per mail."""
        self.webhooks = path / "webhooks.jsonl"
        """The webhook receiver's journal: one JSON line per request."""
        self.environment = path / "demo.env"
        """Variables that a shell reads so that `leads` looks at the demo."""
        self.logs = path / "logs"

    def make(self) -> None:
        """Make the folder and leads.toml; keep what is there."""
        self.logs.mkdir(parents=True, exist_ok=True)
        if not self.config.exists():
            self.config.write_text(LEADS_TOML, encoding="utf-8")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other demos out of this folder. Raise `WrongUseError` when one runs there."""
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
    """Return the demo's settings: those given, less what would reach real people or real data."""
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
    """Return these settings as `LEADS_*` variables, without the addresses and secrets that only one run has."""
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
    """Return the environment of a child: ours, with no other `LEADS_*` variables than the demo's."""
    # The children run the code that we run, also from a clone that is not installed.
    root = str(Path(streams.__file__).resolve().parents[1])
    search = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEADS_")}
    return {**inherited, "PYTHONPATH": search, **shell_variables(settings), **more}


def new_webhook_secret() -> str:
    """Return a new signing secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def count_lines(journal: Path) -> int:
    """Return how many lines a journal has; 0 when it is not there."""
    return journal.read_bytes().count(b"\n") if journal.exists() else 0

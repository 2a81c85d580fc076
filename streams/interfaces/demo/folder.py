"""The demo's data folder and settings: journals, logs, leads.toml, and variables for a shell."""

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
    """The folder with all data of the demo; it may be deleted."""

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is created yet."""
        self.path = path
        self.config = path / "leads.toml"
        self.mails = path / "mails.jsonl"
        """The mail server's journal: one JSON line per mail."""
        self.webhooks = path / "webhooks.jsonl"
        """The webhook receiver's journal: one JSON line per request."""
        self.environment = path / "demo.env"
        """Variables for a shell, so that `leads` works on the demo's data."""
        self.logs = path / "logs"

    def make(self) -> None:
        """Create the folder and leads.toml; keep existing files."""
        self.logs.mkdir(parents=True, exist_ok=True)
        if not self.config.exists():
            self.config.write_text(LEADS_TOML, encoding="utf-8")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the folder against other demos. Raise `WrongUseError` when one runs there."""
        lock = FileLock(self.path / "demo.lock")
        if not lock.acquire():
            raise WrongUseError(f"a demo already runs in {self.path}; wait for it, or use another --data")
        try:
            yield
        finally:
            lock.release()

    def write_environment(self, variables: Mapping[str, str]) -> None:
        """Write the file of variables for a shell."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        head = "# Run `. demo.env` so that `leads` works on the demo's data in this shell."
        self.environment.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
        self.environment.chmod(0o600)  # LEADS_KAFKA and LEADS_DATABASE may hold passwords


def demo_settings(usual: Settings, folder: DemoFolder) -> Settings:
    """Return the demo's settings: the usual ones without those that reach real people or real data."""
    return Settings(
        kafka=usual.kafka,
        database=usual.database,
        config=folder.config.absolute(),
        env=usual.env or "development",
        secret=usual.secret,
        session_timeout=usual.session_timeout,
        prefix=usual.prefix if "prefix" in usual.model_fields_set else PREFIX,
        group=usual.group if "group" in usual.model_fields_set else GROUP,
        data=folder.path.absolute(),
    )


def shell_variables(settings: Settings) -> dict[str, str]:
    """Return these settings as `LEADS_*` variables, without the addresses and secrets of a single run."""
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
    """Return the environment of a child: that of this process, with the demo's `LEADS_*` variables alone."""
    # Children run the same code as this process, even from a clone that is not installed.
    root = str(Path(streams.__file__).resolve().parents[1])
    search = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEADS_")}
    return {**inherited, "PYTHONPATH": search, **shell_variables(settings), **more}


def new_webhook_secret() -> str:
    """Return a new signing secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def count_lines(journal: Path) -> int:
    """Return the number of lines of a journal; 0 when it does not exist."""
    return journal.read_bytes().count(b"\n") if journal.exists() else 0

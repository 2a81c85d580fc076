"""`leads demo`: runs a few hundred leads through the whole system and prints a summary that adds up."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from streams.interfaces.common.errors import CommandError
from streams.interfaces.common.output import AsJson, data, print_err, print_out, write_json

if TYPE_CHECKING:
    from streams.interfaces.demo.folder import DemoFolder
    from streams.interfaces.demo.summary import Summary

LEADS = 400
MIN_LEADS, MAX_LEADS = 60, 20_000


def demo(
    data_folder: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            help="Folder for everything the demo writes.",
            show_default="LEADS_DATA/demo",
        ),
    ] = None,
    leads: Annotated[int, typer.Option(min=MIN_LEADS, max=MAX_LEADS, hidden=True)] = LEADS,
    as_json: AsJson = False,
) -> None:
    """Watch a few hundred leads being onboarded: real Kafka, worker, mail server and webhooks, all on this machine.

    Among them are duplicates, late updates, bad leads and unreadable records, and the mail server is down for a
    while. Run it again: the same leads make no second contact, assignment or mail.

    Uses the Kafka of LEADS_KAFKA and the database of LEADS_DATABASE when set, with its own topics and group.

    Exit codes: 0 it added up, 1 it did not, 2 wrong settings, 3 no Kafka or no database, 130 interrupted.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.cli.verify import print_verdict
    from streams.interfaces.common import connections
    from streams.interfaces.demo.folder import DemoFolder, demo_settings, shell_variables
    from streams.interfaces.demo.render import draw
    from streams.interfaces.demo.scenes import run_demo

    logs.silence()
    # A shell starts background jobs with SIGINT ignored; SIGTERM and SIGHUP are turned into SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    own = connections.settings()
    # In a shell that has read demo.env, LEADS_DATA is the demo's folder already.
    usual = own.data if (own.data / "demo.env").exists() else own.data / "demo"
    folder = DemoFolder((data_folder or usual).absolute())
    folder.make()
    settings = demo_settings(own, folder)
    try:
        summary = run_demo(settings, folder, leads)
    except KeyboardInterrupt:
        print_err(
            "Interrupted; everything that the demo started has stopped. Run it again: nothing is done twice."
        )
        raise
    folder.write_environment(shell_variables(settings))
    if as_json:
        write_json(summary.as_data() | {"data": str(folder.path)})
    else:
        draw(summary, data())
        _next_steps(summary, folder, is_elsewhere=settings.database is not None or settings.kafka is not None)
    if not summary.is_right:
        if not as_json and not summary.verdict.is_clean:
            print_verdict(summary.verdict)
        wrong = "; ".join(f"{c.name}: {c.one} is not {c.other}" for c in summary.checks if not c.is_right)
        raise CommandError(f"it does not add up: {wrong}. The worker's log is {folder.logs / 'worker.log'}")


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
    signal.raise_signal(signal.SIGINT)


def _next_steps(summary: Summary, folder: DemoFolder, *, is_elsewhere: bool) -> None:
    command = _command()
    letter = next((ids[0] for ids in summary.letters.values()), None)
    lead = next((sample.lead_id for sample in summary.published if sample.kind == "duplicate"), None)
    print_out(f"\nEverything has stopped after {summary.seconds:.0f} s. Next steps:\n")
    steps = [
        (f". {_short(folder.environment)}", "first: make this shell use the demo"),
        (f"{command} dead-letters list", "the records that failed, and why"),
    ]
    if letter is not None:
        steps.append((f"{command} dead-letters show {letter[:8]}", "one of them"))
    if lead is not None:
        steps.append((f"{command} show {lead}", "what was done for a lead, action by action"))
    steps.append((f"{command} demo", "the same leads again: no second contact or mail"))
    for line, why in steps:
        print_out(f"  # {why}\n  {line}\n")
    for name, path in (("mails", folder.mails), ("webhooks", folder.webhooks), ("logs", folder.logs)):
        print_out(f"  {name:9} {_short(path)}")
    if summary.end.open_letters > summary.fate("letter"):
        print_out(f"  letters   {summary.end.open_letters:,} open, including those of earlier runs")
    more = (
        " (topics and tables on other servers stay; a new folder then needs another LEADS_PREFIX)"
        if is_elsewhere
        else ""
    )
    print_out(f"  clean up  rm -r {_short(folder.path)}{more}")


def _command() -> str:
    """Return how this `leads` can be called from the working directory."""
    on_path = shutil.which("leads")
    mine = Path(sys.argv[0]).absolute()
    if on_path is not None and Path(on_path).resolve() == mine.resolve():
        return "leads"
    return _short(mine) if mine.name == "leads" else "leads"


def _short(path: Path) -> str:
    near = os.path.relpath(path)
    return shlex.quote(near if len(near) < len(str(path)) and not near.startswith("../..") else str(path))

"""The command `leads`: its sub-commands, and how each of them ends."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from streams.interfaces.cli import health, pausing, publish, show, status, suppressing, worker
from streams.interfaces.cli.lazy import LazyGroup
from streams.interfaces.common.errors import INTERRUPTED, NOT_DONE, ending_of
from streams.interfaces.common.output import plain

EPILOG = """
Examples:

  leads demo

  leads worker

  leads publish leads.csv --dry-run

  leads show ada@example.com

  leads dead-letters replay --all

Exit codes: 0 done, 1 the command did not succeed, 2 wrong use or settings,
3 a dependency (broker, database, mail server) cannot be reached, 4 a worker
hung and was ended by its watchdog, 5 `leads verify` found something,
130 interrupted.
"""

app = typer.Typer(
    cls=LazyGroup,
    help="New lead onboarding as small, atomic, replayable actions on Kafka.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they would show local variables, hence personal data
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("worker", short_help="Run the workflow until Ctrl-C.")(worker.worker)
app.command("publish", short_help="Publish leads from JSON Lines or CSV.", epilog=publish.EPILOG)(
    publish.publish
)
app.command("show", short_help="Show what was done for a lead or a person.", epilog=show.EPILOG)(
    show.show_command
)
app.command("suppress", short_help="Send no mail to a person any more.")(suppressing.suppress)
app.command("unsuppress", short_help="End the suppression of a person.")(suppressing.unsuppress)
app.command("pause", short_help="Stop all workers from starting a step.")(pausing.pause)
app.command("resume", short_help="Resume a step that a person paused.")(pausing.resume)
app.command("cancel", short_help="End the runs of a lead.")(pausing.cancel)
app.command("health", short_help="Is the worker on this machine alive, and does it make progress?")(
    health.health
)
app.command("status", short_help="Do broker and database answer, and what is waiting?")(status.status)


def _version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"leads {version('leads')}")
        raise typer.Exit


@app.callback()
def _leads(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        app(prog_name="leads")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of stdout has gone (`leads … | head`); Python would complain when it closes stdout at exit.
        sys.stdout = None
        sys.exit(NOT_DONE)
    except Exception as error:
        ending = ending_of(error)
        if ending is None:
            raise
        sys.stdout.flush()
        stop = "" if ending.sentence.endswith((".", "!", "?", "^")) else "."
        print(f"Error: {plain(ending.sentence)}{stop}", file=sys.stderr)  # noqa: T201
        sys.exit(ending.code)


if __name__ == "__main__":
    main()

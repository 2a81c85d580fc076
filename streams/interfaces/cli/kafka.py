"""`leads kafka`: starts, stops and shows a local broker that keeps running between commands."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import platformdirs
import typer
from rich.console import Console

from streams.interfaces.common.errors import INTERRUPTED, UNREACHABLE
from streams.interfaces.common.progress import progress_on
from streams.kafka.local import (
    JarsUnavailableError,
    KafkaStatus,
    LocalKafka,
    LocalKafkaError,
    keep,
    status,
    stop,
)

NOT_DONE = 1
WRONG_USE = 2

app = typer.Typer(help="Keep a local Apache Kafka running, stop it, show its status.", no_args_is_help=True)

Data = Annotated[
    Path,
    typer.Option(
        envvar="LEADS_DATA",
        default_factory=lambda: platformdirs.user_data_path("leads"),
        show_default="platform user data folder",
        file_okay=False,
        help="Data folder.",
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=1024,
        max=65534,
        help="Port to listen on; the next one is used too. Default: the last one used, else a free one.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


@app.command("start")
def start_command(data: Data, port: Port = None, as_json: AsJson = False) -> None:
    """Start the local Kafka and keep it running until `leads kafka stop`.

    Exit codes: 0 it runs (also when it ran before), 1 it does not start, 3 its jars cannot be downloaded.
    """
    errors = Console(stderr=True)
    with _ending(errors):
        ran_before = status(data).is_running
        kafka = LocalKafka(data, port=port)
        with progress_on(errors) as progress:
            kafka.start(progress)
        try:
            keep(data)
        finally:
            kafka.stop()
        broker = status(data)
    elsewhere = _named_instead_of(broker.bootstrap)
    if elsewhere is not None:
        _print_err(
            errors, f"Note: LEADS_KAFKA is set, so the other commands use {elsewhere}, not this broker."
        )
    if as_json:
        _print_json(broker, ran_before=ran_before)
    else:
        typer.echo(
            f"Kafka {'was running already' if ran_before else 'runs'} on {broker.bootstrap}, until `leads kafka stop`."
        )
        _print_places(broker)


@app.command("stop")
def stop_command(data: Data, as_json: AsJson = False) -> None:
    """Stop the local Kafka of this data folder, even if other processes use it.

    Exit codes: 0 it does not run (also when it did not before), 1 it does not stop.
    """
    errors = Console(stderr=True)
    with _ending(errors):
        before = status(data)
        ran_before = stop(data)
        after = status(data)
    if ran_before and before.is_used:
        _print_err(errors, "Note: another process was using it and has lost its broker.")
    if as_json:
        _print_json(after, ran_before=ran_before)
    elif ran_before:
        typer.echo(f"Kafka has stopped; its data stays in {after.data / 'kafka'}.")
    else:
        typer.echo(f"No Kafka was running in {after.data}; nothing to do.")


@app.command("status")
def status_command(data: Data, as_json: AsJson = False) -> None:
    """Show whether the local Kafka of this data folder runs, and where.

    Exit codes: 0 it runs, 3 it does not.
    """
    with _ending(Console(stderr=True)):
        broker = status(data)
    if as_json:
        _print_json(broker)
    elif broker.is_running:
        until = "until `leads kafka stop`" if broker.is_kept else "while it is used"
        typer.echo(f"Kafka runs on {broker.bootstrap}, {until}.")
        _print_places(broker)
    else:
        typer.echo(f"No Kafka runs in {broker.data}; `leads kafka start` starts one.")
    if not broker.is_running:
        raise typer.Exit(UNREACHABLE)


@contextmanager
def _ending(errors: Console) -> Iterator[None]:
    """Print the sentence of an expected error on stderr and exit with its code."""
    try:
        yield
    except KeyboardInterrupt:
        _print_err(errors, "Interrupted.")
        raise typer.Exit(INTERRUPTED) from None
    except JarsUnavailableError as error:
        _print_err(errors, f"Error: {error}")
        raise typer.Exit(UNREACHABLE) from error
    except (LocalKafkaError, OSError) as error:
        _print_err(errors, f"Error: {error}")
        raise typer.Exit(NOT_DONE) from error


def _print_err(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _named_instead_of(bootstrap: str | None) -> str | None:
    """Return the broker that LEADS_KAFKA names when it is another one than the local broker."""
    named = os.environ.get("LEADS_KAFKA")
    return named if named and named != bootstrap else None


def _print_places(broker: KafkaStatus) -> None:
    uptime = timedelta(seconds=round(broker.uptime_seconds or 0))
    for name, value in (
        ("process", broker.pid),
        ("uptime", uptime),
        ("data", broker.data),
        ("log", broker.log),
    ):
        typer.echo(f"  {name:8} {value}")


def _print_json(broker: KafkaStatus, **more: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    typer.echo(json.dumps({**asdict(broker), **more}, default=str))


if __name__ == "__main__":
    app()

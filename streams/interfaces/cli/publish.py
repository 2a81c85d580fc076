"""`leads publish`: publishes leads of JSON Lines or CSV as CloudEvents on the topic of received leads."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

import typer

from streams.interfaces.common.errors import INTERRUPTED, NOT_DONE, UnreachableError, WrongUseError
from streams.interfaces.common.output import AsJson, document, plural, print_err, print_out, write_json

if TYPE_CHECKING:
    from streams.interfaces.lead_files.publishing import Publication, Tally
    from streams.settings import Settings

EPILOG = """
Examples:

  leads publish leads.csv

  leads publish leads.jsonl --dry-run

  export-leads | leads publish - --source /crm/export
"""
LINES_SHOWN = 20


def publish(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="JSON Lines or CSV with a header row; - is stdin.")
    ],
    kind: Annotated[
        Literal["jsonl", "csv"] | None,
        typer.Option("--format", help="Default: from the file's name, else from its first line."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every lead as a worker would; publish nothing.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(metavar="URI", help="`ce_source` of leads without one.", show_default="/cli/FILE"),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(metavar="RFC3339", help="Time of leads without a `ce_time`.", show_default="now"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish the leads of a file. Lines that are not leads are skipped and reported.

    Publishing a file again repeats its records and makes no second lead: the id is derived from source and content,
    unless a lead has its own `ce_id`.

    Exit codes: 0 all published, 1 some lines were skipped (with --dry-run: or would be rejected), 3 no broker.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.interfaces.lead_files.lines import InputError, open_input

    logs.silence()
    settings = connections.settings()
    try:
        descriptor = open_input(file)
    except InputError as error:
        raise WrongUseError(str(error)) from None
    source = source or f"/cli/{'stdin' if file == '-' else quote(Path(file).name)}"
    try:
        run = _Run(settings, descriptor, file, kind, source, time)
        tally = run.check() if dry_run else run.publish()
    finally:
        os.close(descriptor)
    _report(tally, source, run.topic, dry_run=dry_run, as_json=as_json)
    _end(tally, dry_run=dry_run)


class _Run:
    """One call of the command."""

    def __init__(
        self,
        settings: Settings,
        descriptor: int,
        file: str,
        kind: Literal["jsonl", "csv"] | None,
        source: str,
        time: str | None,
    ) -> None:
        from datetime import UTC, datetime

        from streams.interfaces.lead_files.leadfile import guess_format, read_leads
        from streams.interfaces.lead_files.leadrecord import LeadRecords, read_time
        from streams.interfaces.lead_files.lines import Lines
        from topics.events import LeadReceived
        from topics.registry import TopicNames

        try:
            began = datetime.now(UTC) if time is None else read_time(time)
        except ValueError as error:
            raise WrongUseError(f"--time: {error}") from None
        names = TopicNames(settings.prefix)
        self.topic = names.of(LeadReceived)
        self._settings = settings
        self._lines = Lines(descriptor)
        self._rows = read_leads(self._lines, kind or guess_format(file, self._lines.peek()))
        self._records = LeadRecords(names, source, began)

    def check(self) -> Tally:
        """Read and check every lead without a broker."""
        from streams.interfaces.common import connections
        from streams.settings import LeadsTable

        config = connections.config_if_there(self._settings)
        rules = LeadsTable() if config is None else config.leads
        return asyncio.run(self._follow(send=None, region=rules.default_region))

    def publish(self) -> Tally:
        """Publish every lead. Raise `UnreachableError` when no broker answers at the start."""
        from streams.interfaces.common import connections

        with connections.kafka(self._settings) as address:
            return asyncio.run(self._publish(address))

    async def _publish(self, address: Any) -> Tally:  # noqa: ANN401 - KafkaAddress
        from streams.interfaces.cli import topics
        from streams.interfaces.common import connections
        from streams.kafka.producer import KafkaPublisher, new_producer

        wanted = connections.wanted(self._settings, connections.topics_table(self._settings))
        is_development = self._settings.environment == "development"
        differences = await topics.ensure(address, wanted, may_make=is_development)
        if missing := [item for item in differences if item.topic == self.topic and item.what == "missing"]:
            raise WrongUseError(str(missing[0]))
        async with KafkaPublisher(partial(new_producer, address)) as publisher:
            return await self._follow(send=publisher.publish, region=None)

    async def _follow(self, *, send: Any, region: str | None) -> Tally:  # noqa: ANN401 - Send | None
        from streams.interfaces.lead_files.leadfile import LeadFileError
        from streams.interfaces.lead_files.publishing import Publication

        publication = Publication(self._lines, self._rows, self._records, send=send, region=region)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, publication.stop)
        progress = asyncio.create_task(self._show_progress(publication))
        try:
            await publication.run()
        except LeadFileError as error:
            raise WrongUseError(str(error)) from None
        finally:
            progress.cancel()
            with suppress(asyncio.CancelledError):
                await progress
        return publication.tally

    async def _show_progress(self, publication: Publication) -> None:
        from streams.interfaces.common.progress import follow

        await follow(self._lines, lambda: publication.tally.published or publication.tally.good)


def _report(tally: Tally, source: str, topic: str, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        write_json(_as_data(tally, source, topic, dry_run=dry_run))
        return
    _list("skipped", [(bad.line, bad.reason) for bad in tally.bad], tally.skipped)
    rejected = [
        (rejection.line, "; ".join(f"{reason.field}: {reason.message}" for reason in rejection.reasons))
        for rejection in tally.rejections
    ]
    if dry_run:
        _list("would be rejected", rejected, tally.rejected)
        print_out(
            f"{plural(tally.good - tally.rejected, 'lead')} would be accepted, {tally.rejected:,} rejected, "
            f"{plural(tally.skipped, 'line')} skipped. Nothing was published."
        )
        return
    print_out(
        f"Published {plural(tally.published, 'lead')} to {topic} as {source}; skipped {plural(tally.skipped, 'line')}."
    )


def _list(what: str, lines: Sequence[tuple[int, str]], count: int) -> None:
    for line, reason in lines[:LINES_SHOWN]:
        print_err(f"line {line}: {what}: {reason}")
    if count > LINES_SHOWN:
        print_err(f"… and {count - LINES_SHOWN:,} more; --json lists up to 1,000")


def _as_data(tally: Tally, source: str, topic: str, *, dry_run: bool) -> dict[str, Any]:
    return document(
        dry_run=dry_run,
        topic=topic,
        source=source,
        published=tally.published,
        unknown=tally.unknown or None,
        accepted=tally.good - tally.rejected if dry_run else None,
        rejected=tally.rejected if dry_run else None,
        skipped=tally.skipped,
        skipped_lines=[{"line": bad.line, "code": bad.code, "reason": bad.reason} for bad in tally.bad],
        rejected_lines=[
            {"line": item.line, "reasons": [reason.model_dump() for reason in item.reasons]}
            for item in tally.rejections
        ]
        if dry_run
        else None,
        is_interrupted=tally.is_interrupted or None,
        error=None if tally.error is None else str(tally.error),
    )


def _end(tally: Tally, *, dry_run: bool) -> None:
    again = "run the command again: a lead that was published before makes no second one"
    if tally.error is not None:
        raise UnreachableError(
            f"{tally.error}; {plural(tally.unknown, 'lead')} may or may not have been written; {again}"
        )
    if tally.is_interrupted:
        doubt = f" ({plural(tally.unknown, 'more lead')} may be)" if tally.unknown else ""
        done = "checked" if dry_run else "published"
        print_err(
            f"Interrupted: {plural(tally.good if dry_run else tally.published, 'lead')} {done}{doubt}; {again}."
        )
        raise typer.Exit(INTERRUPTED)
    if tally.skipped or tally.rejected:
        raise typer.Exit(NOT_DONE)

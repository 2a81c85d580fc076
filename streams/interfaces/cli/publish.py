"""`leads publish`: publishes leads of a file as CloudEvents on the topic of received leads."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from shlex import quote as quoted
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

import typer

from streams.interfaces.common.errors import (
    INTERRUPTED,
    NOT_DONE,
    CommandError,
    UnreachableError,
    WrongUseError,
)
from streams.interfaces.common.output import AsJson, document, plural, print_err, print_out, write_json

if TYPE_CHECKING:
    from streams.interfaces.lead_files.leadfile import LeadFile, Options
    from streams.interfaces.lead_files.publishing import Publication, Tally
    from streams.interfaces.lead_files.report import FileReport
    from streams.settings import Settings

EPILOG = """
Examples:

  leads publish leads.csv

  leads publish leads.jsonl --dry-run

  leads publish export.csv --time-column "Create Date"

  export-leads | leads publish - --source /crm/export

  tail -f leads.jsonl | leads publish - --follow
"""
LINES_SHOWN = 20
COLUMNS_SHOWN = 60


def publish(  # noqa: PLR0913, PLR0917 - each option of the command is a parameter
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="CSV or TSV with a header row, or JSON Lines; - is stdin.")
    ],
    kind: Annotated[
        Literal["jsonl", "csv", "tsv"] | None,
        typer.Option("--format", help="Default: from the file's name, else from its first line."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Encoding of the file, such as windows-1252. UTF-16 and UTF-32 with a mark are recognised.",
            show_default="utf-8",
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(
            metavar="SIGN",
            help="Separator of a CSV file: comma, semicolon, tab, pipe or any sign.",
            show_default="found in the first rows",
        ),
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option(
            metavar="TITLE", help="Column (or JSON field) that says when each lead was made: its `ce_time`."
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", help="Publish each line of JSON Lines as soon as it comes, from a pipe without end."
        ),
    ] = False,
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

    Columns are recognised by their titles; what each is taken for is printed. A file that cannot be decoded is refused.
    Publishing a file again repeats its records and makes no second lead: the id is derived from source and content,
    unless a lead has its own `ce_id`.

    Exit codes: 0 all published, 1 some lines were skipped (with --dry-run: or would be rejected) or there is no lead,
    2 the file cannot be read as leads, 3 no broker.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.interfaces.lead_files.leadfile import LeadFileError, Options
    from streams.interfaces.lead_files.source import InputError, open_input

    logs.silence()
    settings = connections.settings()
    options = Options(kind, encoding, delimiter, time_column, has_time=time is not None)
    source = source or f"/cli/{'stdin' if file == '-' else quote(Path(file).name)}"
    with ExitStack() as closing:
        try:
            descriptor = open_input(file)
            closing.callback(os.close, descriptor)
            leads = _opened(descriptor, file, options, closing, follow=follow)
        except (InputError, LeadFileError) as error:
            raise WrongUseError(str(error)) from None
        run = _Run(settings, leads, source, time)
        tally = run.check() if dry_run else run.publish()
        is_without_leads = bool(leads.bytes_read) and not (
            tally.good or tally.skipped or tally.is_interrupted
        )
    _report(tally, leads, source, run.topic, dry_run=dry_run, as_json=as_json)
    _end(tally, dry_run=dry_run)
    if is_without_leads:
        has_header = leads.report.header_line is not None
        raise CommandError(
            f"{_name_of(file)} has no lead: " + ("no row follows its header" if has_header else "it is blank")
        )


def _opened(descriptor: int, file: str, options: Options, closing: ExitStack, *, follow: bool) -> LeadFile:
    from streams.interfaces.lead_files.leadfile import follow_leads, open_leads
    from streams.interfaces.lead_files.lines import Lines
    from streams.interfaces.lead_files.source import source_of

    if follow:
        return follow_leads(Lines(descriptor), options)
    # A pipe is kept in a temporary file of its own, so that all of it can be decoded before the first lead goes out.
    given, kept = source_of(descriptor, _say_that_it_waits)
    if kept != descriptor:
        closing.callback(os.close, kept)
    return open_leads(given, "" if file == "-" else file, options)


def _say_that_it_waits() -> None:
    print_err("Waiting for the end of the input; --follow publishes JSON Lines as they come.")


def _name_of(file: str) -> str:
    return "the input" if file == "-" else file


class _Run:
    """One call of the command."""

    def __init__(
        self,
        settings: Settings,
        leads: LeadFile,
        source: str,
        time: str | None,
    ) -> None:
        from datetime import UTC, datetime

        from streams.interfaces.lead_files.leadrecord import LeadRecords, read_time
        from topics.events import LeadReceived
        from topics.registry import TopicNames

        try:
            began = datetime.now(UTC) if time is None else read_time(time)
        except ValueError as error:
            raise WrongUseError(f"--time: {error}") from None
        names = TopicNames(settings.prefix)
        self.topic = names.of(LeadReceived)
        self._settings = settings
        self._leads = leads
        self._records = LeadRecords(names, source, began)

    def check(self) -> Tally:
        """Read and check every lead without a broker."""
        return asyncio.run(self._follow(send=None))

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
            return await self._follow(send=publisher.publish)

    def _region(self) -> str:
        from streams.interfaces.common import connections
        from streams.settings import LeadsTable

        config = connections.config_if_there(self._settings)
        return (LeadsTable() if config is None else config.leads).default_region

    async def _follow(self, *, send: Any) -> Tally:  # noqa: ANN401 - Send | None
        from streams.interfaces.lead_files.leadfile import LeadFileError
        from streams.interfaces.lead_files.publishing import Publication

        publication = Publication(self._leads, self._records, send=send, region=self._region())
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

        await follow(self._leads, lambda: publication.tally.published or publication.tally.good)


def _report(tally: Tally, leads: LeadFile, source: str, topic: str, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        write_json(_as_data(tally, leads, source, topic, dry_run=dry_run))
        return
    _show_columns(leads.report)
    for warning in leads.warnings():
        print_err(f"Warning: {warning}.")
    _list("skipped", [(bad.line, bad.reason) for bad in tally.bad], tally.skipped)
    _show_sums(tally, dry_run=dry_run)
    if dry_run:
        print_out(
            f"{plural(tally.good - tally.rejected, 'lead')} would be accepted, {tally.rejected:,} rejected, "
            f"{plural(tally.skipped, 'line')} skipped. Nothing was published."
        )
    else:
        print_out(
            f"Published {plural(tally.published, 'lead')} to {topic} as {source}; "
            f"skipped {plural(tally.skipped, 'line')}."
        )
    if tally.first_lead is not None:
        see = f"one with: leads show {quoted(tally.first_lead)}"
        print_err(
            f"Publish them with the same command without --dry-run, then see {see}"
            if dry_run
            else f"See {see}"
        )


def _show_columns(report: FileReport) -> None:
    from streams.interfaces.lead_files.columns import shown
    from streams.interfaces.lead_files.report import meaning_of

    if report.header_line is None:
        return
    print_err(
        f"{report.format.upper()}, {report.encoding}, separator {report.separator}, "
        f"header in line {report.header_line}:"
    )
    known = [column for column in report.columns if meaning_of(column)]
    for column in known[:COLUMNS_SHOWN]:
        from_where = f"  ({column.source})" if column.source else ""
        print_err(f"  {shown(column.title)} -> {meaning_of(column)}{from_where}")
    if len(known) > COLUMNS_SHOWN:
        print_err(f"  … and {plural(len(known) - COLUMNS_SHOWN, 'more column')}")
    if unknown := [shown(column.title) or shown(column.name) for column in report.unknown]:
        more = f" … and {len(unknown) - COLUMNS_SHOWN:,} more" if len(unknown) > COLUMNS_SHOWN else ""
        print_err(f"  kept as attributes: {', '.join(unknown[:COLUMNS_SHOWN])}{more}")


def _show_sums(tally: Tally, *, dry_run: bool) -> None:
    """Print what was done to the leads by reason and column; skipped lines are listed one by one before."""
    words = {
        "rejected": "would be rejected" if dry_run else "will be rejected",
        "noted": "noted",
        "skipped": "skipped",
    }
    for each in tally.sums.most_frequent():
        if each.what == "skipped" and tally.skipped <= LINES_SHOWN:
            continue
        lines = ", ".join(f"{line:,}" for line in each.lines) + (
            ", …" if each.count > len(each.lines) else ""
        )
        where = f"{each.field}: " if each.field else ""
        print_err(f"{each.count:,} {words[each.what]}: {where}{each.code}: {each.said} (line {lines})")


def _list(what: str, lines: Sequence[tuple[int, str]], count: int) -> None:
    for line, reason in lines[:LINES_SHOWN]:
        print_err(f"line {line}: {what}: {reason}")
    if count > LINES_SHOWN:
        print_err(f"… and {count - LINES_SHOWN:,} more; --json lists up to 1,000")


def _as_data(tally: Tally, leads: LeadFile, source: str, topic: str, *, dry_run: bool) -> dict[str, Any]:
    return document(
        dry_run=dry_run,
        topic=topic,
        source=source,
        file=leads.report.as_data() | {"warnings": leads.warnings()},
        published=tally.published,
        unknown=tally.unknown or None,
        accepted=tally.good - tally.rejected if dry_run else None,
        rejected=tally.rejected,
        noted=tally.noted,
        skipped=tally.skipped,
        sums=[each.as_data() for each in tally.sums.most_frequent()],
        skipped_lines=[{"line": bad.line, "code": bad.code, "reason": bad.reason} for bad in tally.bad],
        rejected_lines=[
            {"line": item.line, "reasons": [reason.model_dump() for reason in item.reasons]}
            for item in tally.rejections
        ],
        first_lead=tally.first_lead,
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
    if tally.skipped or (dry_run and tally.rejected):
        raise typer.Exit(NOT_DONE)

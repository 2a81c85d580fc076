"""`leads verify`: checks whether topics and database agree, and prints where a promise was broken."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.interfaces.common.errors import FOUND, WrongUseError
from streams.interfaces.common.output import AsJson, plural, print_out, write_json
from streams.interfaces.common.progress import reporting

if TYPE_CHECKING:
    from streams.kafka.address import KafkaAddress
    from streams.operations.verify.judge import Verdict
    from streams.settings import Settings


def verify(
    limit: Annotated[
        int, typer.Option(min=1, help="Maximum number of findings of a kind with ids; all are counted.")
    ] = 20,
    unsettled_after: Annotated[
        float,
        typer.Option(min=0, max=1e9, metavar="MINUTES", help="A record that waits for longer is stuck."),
    ] = 10.0,
    mails: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The mail server's own record as JSON Lines: to, message_id."),
    ] = None,
    webhooks: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The receiver's own record as JSON Lines: webhook_id, lead_id."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare topics and database: find what is lost, duplicated, inconsistent, altered, misplaced or stuck.

    It only reads. Workers may run: every finding is checked a second time, so records under way are not reported.

    Exit codes: 0 nothing was found, 5 something was, 2 wrong use or settings, 3 something could not be read.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections, verifying
    from streams.operations.verify.snapshot import Ages

    logs.silence()
    settings = connections.settings()
    ages = Ages(unsettled=timedelta(minutes=unsettled_after))
    question = verifying.question_of(settings, limit=limit, ages=ages, mails=mails, webhooks=webhooks)
    with reporting() as on_progress:
        verdict = asyncio.run(verifying.verify(settings, _address(settings), question, on_progress))
    if as_json:
        write_json(verdict.as_data())
    else:
        print_verdict(verdict)
    if not verdict.is_clean:
        raise typer.Exit(FOUND)


def _address(settings: Settings) -> KafkaAddress:
    from streams.kafka.address import parse_kafka
    from streams.kafka.local import status as local_status

    if settings.kafka is not None:
        return parse_kafka(settings.kafka)
    local = local_status(settings.data)
    if local.bootstrap is None:
        raise WrongUseError(
            "LEADS_KAFKA is not set and no local Kafka runs; set it to the broker of the workers"
        )
    return parse_kafka(local.bootstrap)


def print_verdict(verdict: Verdict) -> None:
    """Print the counts, and each fault with its meaning and the next step."""
    from streams.operations.verify.findings import KINDS

    counts = verdict.counts
    print_out(
        f"Read {plural(counts['records'], 'record')}, {plural(counts['ledger'], 'ledger row')} and "
        f"{plural(counts['contacts'], 'contact')}."
    )
    fates = ", ".join(f"{many:,} {fate}" for fate, many in sorted(counts["fates"].items()))
    print_out(f"Leads received: {counts['received']:,}" + (f" ({fates})" if fates else ""))
    waiting = sum(counts["unread"].values())
    if waiting:
        print_out(f"Under way: {plural(waiting, 'record')} not settled yet.")
    if counts["uncertain"]:
        print_out(f"Uncertain: {plural(counts['uncertain'], 'call')}; `leads dead-letters list` names them.")
    for what, many in sorted(verdict.unjudged.items()):
        print_out(f"Not judged: {many:,} {what}.")
    for kind in KINDS:
        for tally in verdict.findings.of(kind):
            fault = tally.fault
            print_out(f"\n{kind.upper()}: {fault.what} ({tally.count:,} times)")
            print_out(f"  It means: {fault.means}")
            print_out(f"  Do now:   {fault.next}")
            for finding in tally.kept:
                print_out(f"  - {_ids({**finding.ids, **finding.details})}")
            if tally.count > len(tally.kept):
                print_out(f"  - and {tally.count - len(tally.kept):,} more; --limit prints more of them")
    print_out("\nNothing was found." if verdict.is_clean else "")


def _ids(ids: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in ids.items()
    )

"""Leads of a file are published batch by batch, and each line is counted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from streams.interfaces.lead_files.leadfile import Options, open_leads
from streams.interfaces.lead_files.leadrecord import LeadRecords
from streams.interfaces.lead_files.publishing import BATCH_RECORDS, Publication, Send
from streams.interfaces.lead_files.source import Source, open_input
from streams.kafka.producer import Outgoing, PublishError
from topics.registry import TopicNames

BEGAN = datetime(2026, 11, 23, tzinfo=UTC)


@contextmanager
def publication_of(path: Path, send: Send | None, region: str | None = None) -> Iterator[Publication]:
    descriptor = open_input(str(path))
    try:
        leads = open_leads(Source(descriptor), path.name, Options())
        records = LeadRecords(TopicNames(), "/cli/leads", BEGAN)
        yield Publication(leads, records, send=send, region=region)
    finally:
        os.close(descriptor)


def leads(folder: Path, count: int, *more: bytes) -> Path:
    path = folder / "leads.jsonl"
    path.write_bytes(
        b"".join(b'{"email": "p%d@example.com"}\n' % number for number in range(count)) + b"".join(more)
    )
    return path


async def test_every_lead_is_sent_once_in_batches_and_bad_lines_are_counted(tmp_path: Path) -> None:
    sent: list[list[Outgoing]] = []

    async def send(batch: Sequence[Outgoing]) -> None:
        sent.append(list(batch))

    count = BATCH_RECORDS + 20
    with publication_of(leads(tmp_path, count, b"no JSON\n"), send) as publication:
        await publication.run()

    assert [len(batch) for batch in sent] == [BATCH_RECORDS, 20]
    assert len({record.key for batch in sent for record in batch}) == count
    tally = publication.tally
    assert (tally.published, tally.skipped, [bad.line for bad in tally.bad]) == (count, 1, [count + 1])


async def test_a_dry_run_sends_nothing_and_counts_what_a_worker_would_reject(tmp_path: Path) -> None:
    path = leads(tmp_path, 2, b'{"email": "nobody"}\n')

    with publication_of(path, None, region="US") as publication:
        await publication.run()

    tally = publication.tally
    assert (tally.published, tally.good, tally.rejected) == (0, 3, 1)
    assert [(each.line, each.reasons[0].field) for each in tally.rejections] == [(3, "email")]
    assert [(each.what, each.field, each.count, each.lines) for each in tally.sums.most_frequent()] == [
        ("rejected", "email", 1, [3])
    ]


async def test_notes_about_leads_are_summed_when_they_are_published_too(tmp_path: Path) -> None:
    async def send(batch: Sequence[Outgoing]) -> None:
        pass

    notable = b'{"email": "n%d@example.com", "country": "Atlantis"}\n'
    path = leads(tmp_path, 2, *(notable % number for number in range(7)))

    with publication_of(path, send, region="US") as publication:
        await publication.run()

    tally = publication.tally
    (noted,) = tally.sums.most_frequent()
    assert (tally.published, tally.noted, tally.rejected) == (9, 7, 0)
    assert (noted.what, noted.field, noted.count, noted.lines) == ("noted", "country", 7, [3, 4, 5, 6, 7])


async def test_a_broker_that_takes_no_more_ends_it_with_what_is_known(tmp_path: Path) -> None:
    sizes: list[int] = []

    async def send(batch: Sequence[Outgoing]) -> None:
        sizes.append(len(batch))
        if len(sizes) == 2:
            raise PublishError("the broker is away")

    with publication_of(leads(tmp_path, 3 * BATCH_RECORDS), send) as publication:
        await publication.run()

    tally = publication.tally
    assert (tally.published, tally.unknown, str(tally.error)) == (
        BATCH_RECORDS,
        BATCH_RECORDS,
        "the broker is away",
    )
    assert len(sizes) == 2


async def test_an_interrupt_waits_for_the_batch_that_is_being_sent(tmp_path: Path) -> None:
    async def send(batch: Sequence[Outgoing]) -> None:
        publication.stop()

    with publication_of(leads(tmp_path, 3 * BATCH_RECORDS), send) as publication:
        await publication.run()

    assert (publication.tally.published, publication.tally.is_interrupted) == (BATCH_RECORDS, True)

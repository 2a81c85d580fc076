"""Publishes poison between good leads: letters equal the poison to the byte, and good leads are unaffected."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.acceptance.making import as_event, person
from tests.acceptance.poison import KINDS, code_of, endless_email, poison
from tests.acceptance.stage import Published, Stage
from tests.support.outside_client import LETTER, LETTERS, NOTIFIED, RECEIVED, REJECTED, WELCOMED, read_topics

LEADS, POISON, ENDLESS = 1_000, 100, 20


@pytest.mark.long_on("postgresql")
@pytest.mark.timeout(120)
def test_a_tenth_of_poison_becomes_letters_to_the_byte_and_the_other_leads_are_settled(
    any_stage: Stage,
) -> None:
    stage, random = any_stage, Random(3)
    kinds = [KINDS[number % len(KINDS)] for number in range(POISON)]
    records: list[tuple[str | None, Published]] = [(None, endless_email(number)) for number in range(ENDLESS)]
    records += [(None, as_event(number, person(number))) for number in range(LEADS - POISON - ENDLESS)]
    records += [(kind, poison(kind, random)) for kind in kinds]
    random.shuffle(records)
    stage.open()
    worker = stage.start_worker()

    places = stage.publish(record for _, record in records)
    stage.settle(within=60)

    read = read_topics(stage.kafka, stage.prefix)
    sent = {
        place: (kind, record.key, record.value, list(record.headers))
        for place, (kind, record) in zip(places, records, strict=True)
        if kind is not None
    }
    letters = {}
    for letter in read[LETTERS]:
        place = "/".join(letter.header(LETTER + part) or "" for part in ("topic", "partition", "offset"))
        kind = sent[place][0]
        assert letter.header(LETTER + "code") == code_of(kind), kind
        letters[place] = (kind, letter.key, letter.value, letter.original_headers)
    assert letters == sent
    assert len(read[LETTERS]) == POISON
    assert Counter(kind for kind, *_ in letters.values()) == Counter(kinds)
    good = LEADS - POISON - ENDLESS
    assert (len(read[RECEIVED]), len(read[REJECTED])) == (LEADS, ENDLESS)
    assert {
        (reason["field"], reason["code"]) for each in read[REJECTED] for reason in each.data["reasons"]
    } == {("email", "TOO_LONG")}
    assert len({each.header("ce_id") for each in read[WELCOMED]}) == good
    assert len({each.header("ce_id") for each in read[NOTIFIED]}) == good
    # The same counts once more, from SQL.
    assert stage.count("SELECT count(*) FROM letters WHERE status = 'parked'") == POISON
    assert stage.count("SELECT count(*) FROM contacts WHERE owner_id IS NOT NULL") == good
    done = dict(
        map(
            tuple, stage.sql("SELECT result_type, count(*) FROM ledger WHERE status = 1 GROUP BY result_type")
        )
    )
    assert done == {
        "crm.lead.rejected.v1": ENDLESS,
        **dict.fromkeys(
            (
                "crm.lead.validated.v1",
                "crm.lead.matched.v1",
                "crm.contact.upserted.v1",
                "crm.lead.assigned.v1",
                "crm.lead.welcomed.v1",
                "crm.owner.notified.v1",
            ),
            good,
        ),
    }
    verdict = stage.check()
    assert verdict["is_clean"], verdict
    assert verdict["counts"]["fates"] == {"letter": POISON, "onboarded": good, "rejected": ENDLESS}
    assert worker.is_running

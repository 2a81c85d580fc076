"""One list of people, published as the exports of twelve products: one contact each, and no field is wrong."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.acceptance.commanding import leads
from tests.acceptance.stage import Stage
from tests.chaos.figures import SEED, seeded
from tests.support.exports import CONTACT_FIELDS, Export, merge_truth, people, write_exports
from tests.support.outside_client import REJECTED, VALIDATED

PARTS = ("first_name", "last_name")


def answer(consent: dict[str, Any] | None) -> str | None:
    return {True: "yes", False: "no", None: None}[(consent or {}).get("marketing")]


def value(lead: dict[str, Any], field: str) -> str | None:
    found: str | None = answer(lead.get("consent")) if field == "consent" else lead.get(field)
    return found


def source_of(export: Export) -> str:
    return f"/export/{quote(export.name)}"


def results(stage: Stage, topic: str) -> dict[str, list[dict[str, Any]]]:
    """Return the data of a topic's events by the source of their leads, each event once."""
    found: dict[str, list[dict[str, Any]]] = {}
    seen: set[object] = set()
    for record in stage.records(topic):
        if record.header("ce_id") in seen:
            continue
        seen.add(record.header("ce_id"))
        event = json.loads(record.value or b"{}")
        found.setdefault(event["origin"]["source"], []).append(event)
    return found


def predicted(document: dict[str, Any], what: str) -> Counter[tuple[str, str]]:
    sums = [each for each in document["sums"] if each["what"] == what]
    return Counter({(each["field"], each["code"]): each["count"] for each in sums})


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_same_500_people_in_twelve_exports_are_500_contacts_without_a_wrong_field(
    chosen_stage: Stage, tmp_path: Path
) -> None:
    stage = chosen_stage
    stage.open()
    # Of no country in the list: a national number without a country is then read as none.
    config = stage.folder / "leads.toml"
    config.write_text(config.read_text().replace('default_region = "DE"', 'default_region = "IS"'))
    stage.start_worker()
    folder = tmp_path / "exports"
    folder.mkdir()
    exports = write_exports(folder, SEED)
    seeded("exports").shuffle(exports)
    told = {}
    for export in exports:
        arguments = ("publish", str(export.path), "--source", source_of(export), *export.arguments)
        (judged,) = leads(stage, *arguments, "--dry-run", code=None)
        (published,) = leads(stage, *arguments)
        assert published["sums"] == judged["sums"]
        told[export.name] = judged
    stage.settle(within=300)

    validated, rejected = results(stage, VALIDATED), results(stage, REJECTED)
    for export in exports:
        source = source_of(export)
        notes = Counter(
            (note["field"], note["code"]) for event in validated[source] for note in event.get("notes", [])
        )
        reasons = Counter(
            (reason["field"], reason["code"])
            for event in rejected.get(source, [])
            for reason in event["reasons"]
        )
        document = told[export.name]
        assert (notes, reasons) == (predicted(document, "noted"), predicted(document, "rejected")), (
            export.name
        )
        assert len(validated[source]) == document["accepted"] == len(export.rows)
    assert wrong_contacts(stage, exports) == []
    assert stage.count("SELECT count(*) FROM contacts") == len(people(SEED))
    noted = sum(document["noted"] for document in told.values())
    print(  # noqa: T201 - the figures of the run
        f"seed {SEED}: {len(people(SEED))} people, {len(exports)} exports, {noted} leads with notes, 0 wrong"
    )


def wrong_contacts(stage: Stage, exports: list[Export]) -> list[tuple[str, str]]:
    """Return person and field of every value that no export justifies."""
    everybody = people(SEED)
    truths = merge_truth(exports, len(everybody))
    by_email = {person.email: truth for person, truth in zip(everybody, truths, strict=True)}
    wrong = []
    for email, raw in stage.sql("SELECT email, fields FROM contacts"):
        stored = {name: field[0] for name, field in json.loads(raw).items()}
        contact = stored | stored.get("name", {}) if isinstance(stored.get("name"), dict) else stored
        truth = by_email.get(str(email))
        if truth is None:
            wrong.append((str(email), "email"))
            continue
        for field in CONTACT_FIELDS:
            found = value(contact, field)
            # The latest lead decides about all parts of a name: one with the whole name alone leaves the others absent.
            if not truth[field].allows(found) and not (
                found is None and field in PARTS and contact.get("name")
            ):
                wrong.append((str(email), field))
    return wrong

"""`leads show`: prints what was done for a lead or a person, action by action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.interfaces.common.errors import CommandError
from streams.interfaces.common.output import AsJson, duration, print_out, readable, write_json, write_table

if TYPE_CHECKING:
    from actions.ports import StoredContact
    from streams.store.ledger import LedgerRow
    from streams.store.queries import History, LeadHistory

EPILOG = """
Examples:

  leads show lead-4711

  leads show ada@example.com --json
"""


def show_command(
    lead_or_person: Annotated[
        str,
        typer.Argument(
            metavar="LEAD|EMAIL|PHONE", help="Id of a lead, or a person's e-mail (or phone) in any spelling."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show the runs of a lead (each action with version, attempt, result and duration) and the current contact.

    Exit codes: 0 found, 1 nothing is known about it.
    """
    from streams.adapters.identity import HmacIdentity
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.settings import LeadsTable
    from streams.store.queries import history

    logs.silence()
    settings = connections.settings()
    config = connections.config_if_there(settings)
    region = (LeadsTable() if config is None else config.leads).default_region
    identity = HmacIdentity(settings.contact_secret)
    with connections.database(settings) as database:
        known = database.transact(lambda connection: history(connection, lead_or_person, identity, region))
    if known is None:
        raise CommandError(
            f"nothing is known about {lead_or_person!r}: no such lead, and no contact with this e-mail or phone; "
            "it may not have been processed yet, `leads status` shows what is waiting"
        )
    if as_json:
        write_json(_as_data(known))
    else:
        _print(known)


def _as_data(known: History) -> dict[str, Any]:
    from streams.dead_letters.serialize import as_data as letter_as_data

    contacts = [_contact_as_data(contact) for contact in known.contacts]
    return {
        "contact": contacts[0] if contacts else None,
        "contacts": contacts,
        "leads": [
            {
                "lead_id": lead.lead_id,
                "runs": [
                    {
                        "correlation_id": run.correlation_id,
                        "steps": [_step_as_data(step) for step in run.steps],
                    }
                    for run in lead.runs
                ],
                "letters": [letter_as_data(row) for row in lead.letters],
            }
            for lead in known.leads
        ],
    }


def _contact_as_data(contact: StoredContact) -> dict[str, Any]:
    return {
        "contact_id": contact.contact_id,
        "contact_key": contact.contact_key,
        "owner_id": contact.owner_id,
        "revision": contact.revision,
        "fields": {
            name: {"value": won.value, "source": won.source, "time": won.time, "event_id": won.event_id}
            for name, won in sorted(contact.fields.items())
        },
    }


def _step_as_data(step: LedgerRow) -> dict[str, Any]:
    import orjson

    return {
        "action": step.action,
        "version": step.version,
        "attempts": step.attempts,
        "generation": step.generation,
        "status": "done" if step.is_done else "dead-lettered",
        "result_type": step.result_type,
        "result": orjson.loads(step.result) if step.is_done and step.result else None,
        "code": step.code,
        "duration_us": step.duration_us,
        "done_at": readable(step.done_at).replace(" ", "T"),
    }


def _print(known: History) -> None:
    for contact in known.contacts:
        _print_contact(contact)
    for lead in known.leads:
        _print_lead(lead)


def _print_contact(contact: StoredContact) -> None:
    print_out(
        f"Contact {contact.contact_id}, revision {contact.revision}, owner {contact.owner_id or 'none yet'}"
    )
    rows = [
        (name, _flat(value.value), value.source, value.time) for name, value in sorted(contact.fields.items())
    ]
    write_table(("field", "value", "from", "as of"), rows)


def _print_lead(lead: LeadHistory) -> None:
    for run in lead.runs:
        print_out(f"Lead {lead.lead_id}, run {run.correlation_id}")
        columns = ("action", "#version", "#attempt", "result", "#took", "at")
        write_table(columns, [_step_cells(step) for step in run.steps])
    if not lead.runs:
        print_out(f"Lead {lead.lead_id}: no action was done yet.")
    if lead.letters:
        print_out("Dead letters")
        letter_columns = ("id", "status", "action", "code", "message")
        rows = [
            (row.letter.id, row.status, row.letter.action, row.letter.code, row.letter.message)
            for row in lead.letters
        ]
        write_table(letter_columns, rows)


def _step_cells(step: LedgerRow) -> tuple[object, ...]:
    # Each generation is another replay or due retry, which counts its attempts from 1.
    attempt = str(step.attempts) if not step.generation else f"{step.attempts} of replay {step.generation}"
    return (
        step.action,
        step.version,
        attempt,
        _result(step),
        duration(step.duration_us),
        readable(step.done_at),
    )


def _result(step: LedgerRow) -> str:
    if not step.is_done:
        return f"dead letter: {step.code}"
    result = _step_as_data(step)["result"] or {}
    name = (step.result_type or "").removeprefix("crm.").removesuffix(".v1")
    return ", ".join([name, *_details(result)])


def _details(result: dict[str, Any]) -> list[str]:
    """Return the values of a result that show what was decided."""
    details = [
        str(result[name])
        for name in ("verdict", "outcome", "strategy", "channel", "reason")
        if result.get(name) not in (None, "none")  # the channel of what was skipped
    ]
    if result.get("changed"):
        details.append("changed " + " ".join(result["changed"]))
    if isinstance(result.get("owner"), dict):
        details.append(f"owner {result['owner'].get('id')}")
    details += [f"{reason['field']}: {reason['code']}" for reason in result.get("reasons", [])]
    details += [f"{note['field']}: {note['code']}" for note in result.get("notes", [])]
    if result.get("candidates") and "verdict" in result:
        details.append(f"{len(result['candidates'])} may be the same person")
    return details


def _flat(value: object) -> str:
    """Return a value on one line; of a name its parts in brackets: `Jane Doe (first_name=Jane, last_name=Doe)`."""
    if not isinstance(value, dict):
        return str(value)
    parts = {name: item for name, item in value.items() if item is not None}
    whole = parts.pop("name", None)
    listed = ", ".join(f"{name}={item}" for name, item in parts.items())
    return listed if whole is None else f"{whole} ({listed})" if listed else str(whole)

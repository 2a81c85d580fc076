"""Ledger rows for tests, with plausible fields."""

from __future__ import annotations

from typing import Any

from streams.store.ledger import LedgerRow
from streams.store.schema import DONE


def ledger_row(number: int, **fields: Any) -> LedgerRow:  # noqa: ANN401 - fields of a row
    """Return the execution of a lead by its number; `fields` are fields of the row."""
    row = LedgerRow(
        id=number.to_bytes(16),
        action="validate-lead",
        version=1,
        correlation_id=f"{number:036d}",
        lead_id=f"lead-{number}",
        contact_key=None,
        status=DONE,
        generation=0,
        attempts=1,
        digest=None,
        result_type="crm.lead.validated.v1",
        result=b"{}",
        code=None,
        duration_us=1,
        done_at=number,
    )
    return row._replace(**fields)

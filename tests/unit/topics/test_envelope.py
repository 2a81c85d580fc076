"""Envelopes: what follows an event, and how it is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from topics.envelope import (
    Envelope,
    attribute_text,
    parse_timestamp,
    result_headers,
    timestamp,
    timestamp_of_ms,
)

FIRST = Envelope(
    id="e-1",
    source="/web",
    type="crm.lead.received.v1",
    time="2026-11-23T08:00:00.000000Z",
    correlation_id="run",
    position="crm.leads.received.v1/0/1",
    origin="import",
    expiry_time="2026-12-01T00:00:00.000000Z",
    trace=(("traceparent", "00-1"),),
    extensions=(("tenant", "acme"),),
    effect="welcome:k",
    effect_reference="<1@acme.example>",
)


def test_what_follows_carries_run_origin_expiry_trace_and_extensions_and_not_the_call() -> None:
    follows = FIRST.followed_by(
        event_type="crm.lead.validated.v1", event_id="e-2", action="validate-lead", time="now", workflow="w"
    )

    assert follows == FIRST._replace(
        id="e-2",
        source="/leads/validate-lead",
        type="crm.lead.validated.v1",
        time="now",
        causation_id="e-1",
        workflow="w",
        effect=None,
        effect_reference=None,
    )


def test_a_result_is_written_with_all_it_has_and_nothing_else() -> None:
    assert result_headers(FIRST._replace(causation_id="e-0", workflow="w"), "lead\n1") == [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"e-1"),
        ("ce_source", b"/web"),
        ("ce_type", b"crm.lead.received.v1"),
        ("ce_subject", b"lead/lead 1"),
        ("ce_time", b"2026-11-23T08:00:00.000000Z"),
        ("content-type", b"application/json"),
        ("ce_dataschema", b"urn:leads:schema:crm.lead.received.v1"),
        ("ce_correlationid", b"run"),
        ("ce_position", b"crm.leads.received.v1/0/1"),
        ("ce_causationid", b"e-0"),
        ("ce_workflow", b"w"),
        ("ce_effect", b"welcome:k"),
        ("ce_effectref", b"<1@acme.example>"),
        ("ce_origin", b"import"),
        ("ce_expirytime", b"2026-12-01T00:00:00.000000Z"),
        ("traceparent", b"00-1"),
        ("ce_tenant", b"acme"),
    ]
    plain = Envelope("e", "/s", "t", "now", "run", "p")
    assert [name for name, _ in result_headers(plain, "1")][-1] == "ce_position"


def test_moments_are_written_in_utc_with_a_fixed_width() -> None:
    moment = datetime(999, 1, 2, 1, 30, tzinfo=timezone(timedelta(hours=1)))

    assert timestamp(moment) == "0999-01-02T00:30:00.000000Z"
    assert timestamp_of_ms(1_500) == "1970-01-01T00:00:01.500000Z"
    assert parse_timestamp("1970-01-01T01:00:00+01:00") == datetime(1970, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="not an RFC 3339 time with a zone"):
        parse_timestamp("1970-01-01T00:00:00")


def test_control_characters_of_an_attribute_become_spaces() -> None:
    assert attribute_text("a\nb\x85c") == "a b c"
    assert attribute_text("Ünï code") == "Ünï code"

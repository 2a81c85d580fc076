"""This file holds what a job says of a letter whose replay would come to something else now."""

from __future__ import annotations

from streams.dead_letters.leaving_out import difference


def test_what_differs_is_told_action_by_action_and_without_whom_it_is_about() -> None:
    planned = {
        "verdict": "would-resolve",
        "changes": ["company"],
        "then": [
            {"action": "assign-owner", "verdict": "would-resolve"},
            {
                "action": "send-welcome-email",
                "outcome": "sent",
                "calls": [{"key": "welcome:k", "state": "goes-out"}],
            },
        ],
    }
    now = {
        "verdict": "would-resolve",
        "changes": ["company", "phone"],
        "then": [
            {"action": "assign-owner", "verdict": "would-resolve"},
            {
                "action": "send-welcome-email",
                "outcome": "skipped",
                "calls": [{"key": "welcome:k", "state": "held"}],
            },
        ],
    }

    assert difference(planned, now) == (
        "changes company -> company, phone, send-welcome-email outcome sent -> skipped, "
        "send-welcome-email calls welcome goes-out -> welcome held"
    )

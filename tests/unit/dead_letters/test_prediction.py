"""A prediction reduces to facts without personal data, and reveals values only on request."""

from __future__ import annotations

from streams.dead_letters.prediction import FieldChange, OutsideCall, Prediction

ID = "0b8f3a3e-8a59-5a3c-9d0e-0d5a6f6f2f11"
MAIL = OutsideCall("Mailer", "welcome:k", "goes-out")
HELD = OutsideCall("", "welcome:k", "held", "it went out already")
ASSIGNED = Prediction(
    ID, "lead-1", "assign-owner", 1, "would-resolve", owner="ada", is_new_owner=True, message="in words"
)
WELCOMED = Prediction(ID, "lead-1", "send-welcome-email", 1, "would-resolve", outcome="skipped", calls=[HELD])
UPSERTED = Prediction(
    ID,
    "lead-1",
    "create-or-update-contact",
    1,
    "would-resolve",
    ID,
    event="crm.contact.upserted.v1",
    contact_key="k",
    changes=[FieldChange("email", None, "ada@b.example")],
    calls=[MAIL],
    needs=["mail"],
    following=[ASSIGNED, WELCOMED],
)


def test_the_essence_has_neither_personal_data_nor_wording_nor_the_owner_whose_turn_it_is() -> None:
    assert UPSERTED.essence == {
        "verdict": "would-resolve",
        "event": "crm.contact.upserted.v1",
        "changes": ["email"],
        "calls": [{"key": "welcome:k", "state": "goes-out"}],
        "then": [
            {"action": "assign-owner", "verdict": "would-resolve", "is_new_owner": True},
            {
                "action": "send-welcome-email",
                "verdict": "would-resolve",
                "outcome": "skipped",
                "calls": [{"key": "welcome:k", "state": "held"}],
            },
        ],
    }


def test_an_owner_that_the_contact_has_already_is_part_of_the_essence() -> None:
    known = Prediction(ID, "lead-1", "assign-owner", 1, "would-resolve", owner="ada")

    assert known.essence == {"verdict": "would-resolve", "owner": "ada"}


def test_values_of_contact_fields_are_shown_only_when_revealed() -> None:
    hidden, revealed = UPSERTED.as_data(), UPSERTED.as_data(is_revealed=True)

    assert hidden["changes"] == ["email"]
    assert revealed["changes"] == [{"field": "email", "before": None, "after": "ada@b.example"}]
    assert hidden | {"changes": []} == revealed | {"changes": []}


def test_plain_data_leaves_out_what_does_not_apply() -> None:
    assert WELCOMED.as_data() == {
        "verdict": "would-resolve",
        "outcome": "skipped",
        "calls": [{"key": "welcome:k", "state": "held", "reason": "it went out already"}],
    }


def test_all_calls_include_those_of_downstream_steps() -> None:
    assert UPSERTED.all_calls == [MAIL, HELD]

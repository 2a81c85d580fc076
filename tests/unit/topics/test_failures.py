"""The error of a record that cannot be read."""

from __future__ import annotations

from topics.failures import DecodeError


def test_unreadable_bytes_stop_at_decoding_and_a_broken_schema_at_validation() -> None:
    poison = DecodeError("NOT_JSON", "the value is not JSON")
    invalid = DecodeError("WRONG_TYPE", "email: must be a string", failure_class="invalid")

    assert (poison.failure_class, poison.stage, str(poison)) == ("poison", "decode", "the value is not JSON")
    assert (invalid.failure_class, invalid.stage, invalid.code) == ("invalid", "validate", "WRONG_TYPE")

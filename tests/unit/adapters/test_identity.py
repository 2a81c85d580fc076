"""Test contact keys."""

from __future__ import annotations

import pytest

from streams.adapters.identity import HmacIdentity

IDENTITY = HmacIdentity(b"a secret of 16 bytes")


def test_a_key_is_a_keyed_hash_of_the_email_else_of_the_phone() -> None:
    by_email = IDENTITY.contact_key(email="ana@customer.example", phone="+491701234567")

    assert by_email == IDENTITY.contact_key(email="ana@customer.example", phone=None)
    assert by_email != IDENTITY.contact_key(email=None, phone="+491701234567")
    assert len(by_email) == 64
    assert "ana" not in by_email


def test_another_secret_makes_other_keys() -> None:
    other = HmacIdentity(b"another secret of 16")

    assert other.contact_key(email="a@b.example", phone=None) != IDENTITY.contact_key(
        email="a@b.example", phone=None
    )


def test_nobody_has_no_key() -> None:
    with pytest.raises(ValueError, match="a contact needs an e-mail or a phone"):
        IDENTITY.contact_key(email=None, phone="")

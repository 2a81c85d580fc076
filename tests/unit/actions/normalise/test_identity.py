"""People stored by older rules of reading are found under today's key."""

from __future__ import annotations

import pytest

from actions.fakes import FakeIdentity
from actions.normalise.identity import newer_key


@pytest.mark.parametrize(
    ("email", "phone", "key"),
    [
        ("o\u2019neil@example.com", None, "key of o'neil@example.com"),
        ("\uff41da@example.com", "+491701234567", "key of ada@example.com"),
        ("ada@example.com", "+491701234567", None),
        (None, "+491701234567", None),
        (None, None, None),
        ("no address", None, None),
        (None, "+491", None),
    ],
)
def test_a_key_is_newer_only_where_the_same_value_is_read_otherwise_today(
    email: str | None, phone: str | None, key: str | None
) -> None:
    assert newer_key(FakeIdentity(), email, phone) == key

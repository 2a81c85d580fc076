"""Who may ask."""

from __future__ import annotations

from datetime import UTC, datetime

from streams.interfaces.http.keys import Keys, hash_of, new_key
from tests.support.requests import api_key

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_a_key_is_known_by_its_hash_until_it_expires() -> None:
    ann = api_key("ann", "operator")
    late = ann.model_copy(update={"sha256": hash_of("late"), "expires": NOW})
    keys = Keys([ann, late])

    assert keys.find("ann", NOW) is ann
    assert keys.find("late", NOW) is None
    assert keys.find(ann.sha256, NOW) is None, "the hash is not a key"
    assert keys.find("", NOW) is None


def test_new_keys_differ_and_are_long() -> None:
    one, other = new_key(), new_key()

    assert one != other
    assert one.startswith("leads_")
    assert len(one) >= 40

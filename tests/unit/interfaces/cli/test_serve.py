"""`leads serve` refuses to start when nobody could ask, and makes keys."""

from __future__ import annotations

import tomllib

import pytest

from streams.interfaces.http.keys import hash_of
from streams.settings import load_config
from tests.support.in_process import Leads


def test_a_new_key_comes_with_the_lines_that_make_leads_toml_accept_it(leads: Leads) -> None:
    made = leads.run("serve", "--new-key", "ann", "--role", "operator")

    lines = made.err.partition("For leads.toml:\n")[2]
    leads.config.write_text(leads.config.read_text() + lines)
    (key,) = load_config(leads.config).api_keys
    assert made.code == 0
    assert (key.name, key.role, key.sha256) == ("ann", "operator", hash_of(made.out.strip()))
    assert tomllib.loads(lines)["api_keys"][0]["expires"] == key.expires


def test_without_a_key_in_leads_toml_nothing_is_served(leads: Leads) -> None:
    refused = leads.run("serve")

    assert (refused.code, refused.out) == (2, "")
    assert "has no [[api_keys]]" in refused.err
    assert "`leads serve --new-key NAME --role operator`" in refused.err


@pytest.mark.parametrize("listen", ["8081", ":8081", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:http"])
def test_an_unusable_address_is_refused(leads: Leads, listen: str) -> None:
    refused = leads.run("serve", "--listen", listen)

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"Error: --listen '{listen}'")

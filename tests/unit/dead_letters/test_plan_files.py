"""A plan file that is not as it was written, or says nothing of use, is refused by its line."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest

from streams.dead_letters.plan import PlanError, parse_plan

ID = "0b8f3a3e-8a59-5a3c-9d0e-0d5a6f6f2f11"
HEAD = {"leads_plan": 1, "made": "now", "app_version": "1", "selector": "--all", "stale": None}
ITEM = {
    "id": ID, "generation": 0, "edits": 0, "sha256": None, "code": "NOT_JSON", "result_id": ID,
    "would": {"verdict": "unreadable"}, "contact": None, "follows": [], "owner": None, "late": None,
    "is_unchanged": False,
}  # fmt: skip


def written(*documents: dict[str, Any]) -> bytes:
    """Return a plan of these lines whose checksum is right."""
    lines = b"".join(orjson.dumps(each) + b"\n" for each in documents)
    return lines + orjson.dumps({"totals": {}, "sha256": hashlib.sha256(lines).hexdigest()}) + b"\n"


GOOD = written(HEAD, ITEM)


def test_a_plan_is_read_back() -> None:
    plan = parse_plan("p", GOOD)

    assert [item.model_dump() for item in plan.items] == [ITEM]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "p is no plan of this build"),
        (b"\x89PNG\r\n\x1a\n", "p: line 1 is no JSON at character 0"),
        (b"[1]\n", "p: line 1 is no JSON object"),
        (GOOD.replace(b'"leads_plan":1', b'"leads_plan":2'), "p is no plan of this build"),
        (GOOD.replace(b"unreadable", b"would-resolve"), "p is not as it was written"),
        (GOOD.replace(b"\n", b"\r\n"), "p is not as it was written"),
        (GOOD[:-9], "p: line 3 is no JSON"),
        (b"".join(GOOD.splitlines(keepends=True)[:-1]), "p is cut off"),
        (b"".join(GOOD.splitlines(keepends=True)[:1]), "p is cut off"),
        (written({"leads_plan": 1}, ITEM), "p: line 1 lacks 'made'"),
        (written({**HEAD, "stale": "perhaps"}, ITEM), "p: line 1 says stale 'perhaps'"),
        (written(HEAD, ITEM, ITEM), f"p: letter {ID} stands there 2 times"),
        (written(HEAD, {**ITEM, "generation": "0"}), "p: line 2 has a 'generation' of another kind"),
        (written(HEAD, {**ITEM, "id": "5"}), "p: line 2 has an id that is none"),
        (written(HEAD, {**ITEM, "result_id": "zz"}), "p: line 2 has an id that is none"),
        (written(HEAD, {**ITEM, "would": {}}), "p: line 2 says what would come"),
        (
            written(HEAD, {**ITEM, "would": {"verdict": "unreadable"}, "more": 1}),
            "p: line 2 has a 'more', which",
        ),
        (written(HEAD, {**ITEM, "would": "x"}), "p: line 2 has a 'would' of another kind"),
    ],
)
def test_what_is_no_plan_any_more_is_refused_with_its_place_and_the_next_step(
    content: bytes, message: str
) -> None:
    with pytest.raises(PlanError, match=f"^{message}.*; .*(plan|new one)"):
        parse_plan("p", content)

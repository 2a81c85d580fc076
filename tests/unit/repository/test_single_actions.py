"""No place but the workflow knows single actions: everything else reads it, and what its actions declare."""

from __future__ import annotations

import re
from pathlib import Path

from streams.onboarding import ONBOARDING

STREAMS = Path(__file__).parents[3] / "streams"
WORKFLOW = "onboarding.py"
NAMES = sorted({name for step in ONBOARDING.steps for name in (step.name, step.action.kebab)})
_NAMED = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, NAMES))})(?![\w-])")


def named_in(folder: Path) -> dict[str, list[str]]:
    """Return the actions that each file below this folder names."""
    texts = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")
    }
    found = {place: sorted(set(_NAMED.findall(text))) for place, text in texts.items()}
    return {place: names for place, names in found.items() if names}


def test_only_the_workflow_names_single_actions() -> None:
    named = named_in(STREAMS)

    assert {step.name for step in ONBOARDING.steps} == set(named.pop(WORKFLOW))
    assert named == {}


def test_a_planted_name_is_found_in_both_spellings_and_in_comments(tmp_path: Path) -> None:
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms/planted.py").write_text("LAST = 'notify-owner'  # as assign_owner wants it\n")
    (tmp_path / "rooms/clean.py").write_text("reassign_owner = 'notify-owners'\n")

    assert named_in(tmp_path) == {"rooms/planted.py": ["assign_owner", "notify-owner"]}

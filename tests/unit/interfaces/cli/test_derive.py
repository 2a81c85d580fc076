"""What README.md derives from code is written into its marked place."""

from __future__ import annotations

from pathlib import Path

from streams.interfaces.cli.derive import main
from streams.onboarding import ONBOARDING


def test_the_diagram_replaces_what_stands_in_its_place_and_nothing_else(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- workflow: by make -->\nold\n<!-- end of workflow -->\nafter\n")

    main(readme)
    once = readme.read_text()
    main(readme)

    assert once == (
        f"before\n<!-- workflow: by make -->\n\n```mermaid\n{ONBOARDING.mermaid()}\n```\n\n"
        "<!-- end of workflow -->\nafter\n"
    )
    assert readme.read_text() == once

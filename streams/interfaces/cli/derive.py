"""Writes the parts of README.md that are derived from code: `python -m streams.interfaces.cli.derive`."""

from __future__ import annotations

import re
from pathlib import Path

from streams.onboarding import ONBOARDING

_PLACE = re.compile(r"(<!-- workflow: .*? -->\n).*?(<!-- end of workflow -->)", re.DOTALL)


def with_diagram(text: str) -> str:
    """Return the text with the workflow's diagram in its marked place."""
    return _PLACE.sub(
        lambda match: f"{match[1]}\n```mermaid\n{ONBOARDING.mermaid()}\n```\n\n{match[2]}", text
    )


def main(readme: Path = Path("README.md")) -> None:
    """Rewrite the README's derived part."""
    readme.write_text(with_diagram(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

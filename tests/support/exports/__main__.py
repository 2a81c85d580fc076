"""Writes the exports of a seed and their truth into a folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.support.exports.writing import write_exports, write_truth


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.exports", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the files go; made if it is not there")
    parser.add_argument("--seed", type=int, default=1, help="which list of people (default: 1)")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    exports = write_exports(asked.folder, asked.seed)
    write_truth(asked.folder / "truth.json", exports, asked.seed)
    for export in exports:
        sys.stdout.write(f"{export.path} {' '.join(export.arguments)}".rstrip() + "\n")


main()

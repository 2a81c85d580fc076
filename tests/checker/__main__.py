"""This file is the checker as a program: it reads everything from outside, prints what it found, and changes nothing.

`python -m tests.checker --kafka HOST:PORT --prefix crm. --group leads --database URL --mails FILE --webhooks FILE`
prints one JSON document; exit code 0 when nothing is lost, doubled, torn or altered, else 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.checker.gather import gather
from tests.checker.judge import judge


def main() -> None:
    """Check once."""
    parser = argparse.ArgumentParser(prog="python -m tests.checker", description=__doc__)
    parser.add_argument("--kafka", required=True, metavar="HOST:PORT")
    parser.add_argument("--prefix", default="crm.")
    parser.add_argument("--group", default="leads")
    parser.add_argument("--database", required=True, metavar="URL")
    parser.add_argument("--mails", type=Path, required=True, help="JSON Lines of the mail catcher")
    parser.add_argument("--webhooks", type=Path, required=True, help="JSON Lines of the webhook sink")
    given = parser.parse_args()
    evidence = gather(given.kafka, given.prefix, given.group, given.database, given.mails, given.webhooks)
    verdict = judge(evidence)
    sys.stdout.write(json.dumps(verdict.as_data(), indent=2) + "\n")
    sys.exit(0 if verdict.is_clean else 1)


if __name__ == "__main__":
    main()

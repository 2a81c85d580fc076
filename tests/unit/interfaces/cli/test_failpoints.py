"""`leads failpoints` lists the names that LEADS_FAILPOINT takes."""

from __future__ import annotations

from streams.failpoints import POINTS, parse
from tests.support.in_process import Leads


def test_every_failpoint_that_is_listed_can_be_armed(leads: Leads) -> None:
    listed = leads.run("failpoints", "--json")

    assert listed.code == 0
    (points,) = listed.lines
    names = [point["name"] for point in points]  # type: ignore[index]
    assert names == list(POINTS)
    assert [point.name for point in parse(",".join(f"{name}:2:kill" for name in names))] == names


def test_the_list_for_people_is_on_stdout(leads: Leads) -> None:
    listed = leads.run("failpoints")

    assert [line.split()[0] for line in listed.out.splitlines()] == list(POINTS)
    assert listed.err == ""

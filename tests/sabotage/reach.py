"""For each sabotage, whether it reaches the data, and in which scenario of scenarios.py."""

from __future__ import annotations

REACHES: dict[str, str] = {
    "acknowledge before the work": "killed",
    "acknowledge on exception": "failing",
    "results not awaited": "failing",
    "letters not awaited": "poisoned",
    "the broker's answer not awaited": "refused",
    "poison acknowledged without a letter": "poisoned",
    "what was put aside is committed": "mails-away",
    "ids not derived": "killed",
    "no ledger look-up": "read-again",
    "intent not written before the call": "killed",
    "outcome not written": "killed",
    "letter's headers altered": "poisoned",
    "letter's value altered": "poisoned",
    "old copy of a letter reopens it": "read-again",
    "merge without time": "read-again",
    "UNCERTAIN treated as may-repeat": "cut-off",
    "a call that failed in an unknown way counts as not made": "failing",
    "an event whose id came before with other content passes for it": "read-again",
}
"""Scenario after which `leads verify` must name a counter-example."""

_HELD = "another mechanism behind it holds"
_RACE = (
    "needs two workers at the same record in the same millisecond, which no scenario from outside arranges"
)
_TIME = "it comes late or early, and in the end everything is there once"
_CHOICE = "everything agrees with itself; only a rule was broken that the data does not tell"
_FORGED = "needs somebody who forges requests; the result is one of the changed event"
_HOSTILE = "needs a record that no client of ours makes; then nothing is wrong with the data, it stands still"
_DECIDED = "it is about what people decide, and no scenario has people who decide"
_RESTORED = "needs a store that was lost and restored, which no scenario has"

DOES_NOT: dict[str, str] = {
    "commit past a gap": f"{_HELD}: an agent settles its batches one after the other",
    "a retry that was lost on its way is not asked for again": "the letter waits as `replaying`; a person sees it",
    "later records overtake those put aside": _TIME,
    "a retry of a step that pauses is dropped": f"{_TIME}: its lease ends",
    "no ledger look-up before calls": f"{_HELD}: the effect says that the call was made",
    "two calls to one person race": f"{_HELD}: the intent lets one through",
    "revoked batch goes on calling": f"{_HELD}: the intent lets one worker through",
    "calls go on during a stop": _TIME,
    "stale contact written": _RACE,
    "expired event executed": _CHOICE,
    "two workers take one call": _RACE,
    "a call that was made counts as not made": _RACE,
    "outcome given up while the store is away": "the intent stays, and a letter UNCERTAIN asks a person",
    "the second worker's outcome counts": _RACE,
    "a batch that was taken away is begun": f"{_HELD}: the ledger",
    "changed bytes replayed": _FORGED,
    "changes of a failed action kept": "no action of the workflow fails after it staged something",
    "one refused row fails its neighbours": _CHOICE,
    "an outage pauses nothing": _CHOICE,
    "a cancelled run goes on": _CHOICE,
    "owner's turn not written": _CHOICE,
    "consent is not asked": _CHOICE,
    "suppressions are not asked": _CHOICE,
    "a later silence replaces a no": _CHOICE,
    "a time in the future counts": _CHOICE,
    "catching up forgets who said no": _RESTORED,
    "people of older rules are new people": "needs a store of an older build, which no scenario has",
    "round robin not in the transaction": _CHOICE,
    "replay not fenced by generation": f"{_HELD}: the ledger row of the older failure is not replaced",
    "two workers replay one letter": _RACE,
    "retry deadline ignored": "shows after a day of retries",
    "an event with other headers passes for one's own": "needs somebody who forges results",
    "an intent that was written unheard becomes a letter DEFECT": "needs a driver that fails in a way nobody foresaw",
    "a restored store is worked with": _RESTORED,
    "catching up forgets the calls": _RESTORED,
    "a result does not prove its call": f"{_HELD}: the field of the result that holds the reference",
    "catching up forgets turns": _RESTORED,
    "catching up takes a call for not made": _RESTORED,
    "catching up that was cut off counts as done": _RESTORED,
    "what the audit does not take is done all the same": _DECIDED,
    "an edit takes the place of the original": _DECIDED,
    "an old copy brings back what was erased": _DECIDED,
    "an open letter is forgotten with its topic": "shows after five weeks",
    "a preview may write": f"{_HELD}: its ports write nothing",
    "a job replays what has changed since its plan": _DECIDED,
    "a job replays what would come to something else now": _DECIDED,
    "a canary does not wait": _DECIDED,
    "two jobs take one letter": f"{_HELD}: the ledger",
    "two processes work on one job": f"{_HELD}: the ledger",
    "what failed for good is asked for again and again": _DECIDED,
    "a job goes before live traffic": _DECIDED,
    "a letter overtakes what follows of another": _DECIDED,
    "late replays do not ask": _CHOICE,
    "a header name that is not UTF-8 stops every worker": _HOSTILE,
    "a record that no letter can hold stops its partition": _HOSTILE,
    "changed bytes pass at the second replay": _FORGED,
}
"""Why `leads verify` cannot see the others."""


def reason_rows() -> list[str]:
    """Return the rows of docs/guarantees.md: each reason with the sabotages that `leads verify` cannot see for it."""
    reasons: dict[str, list[str]] = {}
    for name, why in DOES_NOT.items():
        reasons.setdefault(why, []).append(name)
    return [f"| {why} | {'; '.join(names)} |" for why, names in reasons.items()]

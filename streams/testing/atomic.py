"""Checks that an action is atomic by killing its worker around every port call and comparing the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from actions.ports import StoredContact
from streams.testing.clock import run
from streams.testing.life import Life
from streams.testing.ports import Call
from streams.testing.remembered import remembered
from streams.testing.sidesteps import Sidesteps
from streams.testing.trial import Ended, Found, Trial
from topics.events import Event

_LONGEST = 300


def check_atomic(
    action: Callable[..., object],
    examples: Sequence[Event],
    *,
    given: Sequence[StoredContact] = (),
    ports: Callable[[], Mapping[type, object]] = dict,
    repeats: bool = False,
    only_ask: Collection[str] = (),
) -> int:
    """Check that the action happens completely or leaves no trace, wherever its worker dies.

    The `examples` are settled as one batch, by the real processor on SQLite in memory. The worker is killed before and
    after every call on a port, every commit and every publish, one death per run; a fresh worker then gets the same
    batch. Nothing may differ from a run without a death.

    `given` are contacts that the store has before. `ports` makes your own ports for each run, by type; mail,
    notifications, templates, rules and identity are there. With `repeats` the other side drops the copy of a call by
    its key, also where effect and adapters do not declare it. `only_ask` names async calls that change nothing outside:
    `("billing.price",)`; all others count as effects.

    Return the number of deaths tried. Raise `AssertionError`, which names the port call, and what was done twice,
    left half done or stated differently.
    """
    if not examples:
        raise AssertionError("check_atomic needs at least one example event")
    trial = Trial(action, examples, given, ports, repeats)
    before = remembered(action)
    sidesteps = Sidesteps()
    whole = run(trial.run(Life(), sidesteps))
    _check_run(trial, whole, sidesteps)
    _check_memory(trial, before)
    judge = Judge(trial, whole.at_end, frozenset(only_ask))
    judge.check(run(trial.run(Life())), "The examples were run a second time.")
    for number in range(1, len(whole.points) + 1):
        life = Life(ends_at=number)
        ended = run(trial.run(life))
        nth = list(ended.points).count(ended.points[-1])
        where = ended.points[-1] + (f", time {nth}" if nth > 1 else "")
        judge.check(ended, f"The worker died {where}; a fresh one got the same records.")
    return len(whole.points)


def _check_run(trial: Trial, whole: Ended, sidesteps: Sidesteps) -> None:
    name = trial.action.name
    letters = {letter.id: letter for letter in whole.at_end.letters}.values()
    if sidesteps.found:
        failed = (
            f" It stays there although the action failed with {_codes(whole.at_end)}: half done."
            if letters
            else ""
        )
        raise AssertionError(
            f"{name} is not atomic: it reaches past its ports.\n"
            + "".join(f"  {seen}\n" for seen in sidesteps.found)
            + f"No transaction covers that and no ledger remembers it.{failed}\n"
            "Give it to the action as a port, and change things through Effects.once or a port of the store."
        )
    defects = [letter for letter in letters if letter.failure_class == "defect"]
    if len(defects) == len(trial.examples):
        raise AssertionError(
            f"{name} fails on every example, so its atomicity cannot be checked: {defects[0].message}\n"
            f"{defects[0].stacktrace or ''}"
        )


def _check_memory(trial: Trial, before: Mapping[str, object]) -> None:
    after = remembered(trial.function)
    changed = sorted(name for name in after if after[name] != before.get(name))
    if changed:
        raise AssertionError(
            f"{trial.action.name} is not atomic: it keeps state in memory, in {', '.join(changed)}.\n"
            "That is left half done when the worker dies, and other workers do not see it. Keep it in the "
            "store, behind a port; what is only a cache belongs into functools.cache."
        )


class Judge:
    """Compares the results after a death with those of a run without one."""

    def __init__(self, trial: Trial, right: Found, only_ask: Collection[str]) -> None:
        """Take the trial, and what a run without a death leaves."""
        self._trial = trial
        self._right = right
        self._only_ask = only_ask

    def check(self, ended: Ended, how: str) -> None:
        """Raise `AssertionError` when anything differs; `how` describes the death."""
        for problem in self._problems(ended):
            text = f"{self._trial.action.name} is not atomic: {problem}"
            raise AssertionError(text.replace("\n", f"\n{how}\n", 1))

    def _problems(self, ended: Ended) -> Iterator[str]:
        crashed, end, right = ended.at_crash, ended.at_end, self._right
        if not crashed.remembered:
            for table, rows in crashed.store.items():
                if rows != ended.at_start.store[table]:
                    yield (
                        f"it left a change half done.\n  The {table} are {_listed(rows)}, "
                        "and nothing remembers that it ran."
                    )
        yield from self._calls(end)
        if any(letter.code == "UNCERTAIN" for letter in end.letters):
            return  # a person decides, and results that depend on the decision may differ
        for result, values in sorted(end.results.items()):
            if values != right.results.get(result):
                yield (
                    "it states something else for the same event.\n"
                    f"  once:  {_listed(right.results.get(result, ()))}\n"
                    f"  then:  {_listed(values)}\n"
                    "The same event must give the same result: no clock, no randomness, no except that catches all."
                )
        if right.results.keys() - end.results.keys() or _codes(end) != _codes(right):
            yield (
                "an event ended in another way.\n"
                f"  once:  {len(right.results)} results, letters: {_codes(right) or 'none'}\n"
                f"  then:  {len(end.results)} results, letters: {_codes(end) or 'none'}"
            )
        for table, rows in end.store.items():
            if rows != right.store[table]:
                yield (
                    f"the {table} differ.\n  once:  {_listed(right.store[table])}\n  then:  {_listed(rows)}"
                )

    def _calls(self, end: Found) -> Iterator[str]:
        made, right = self._effects(end.calls), self._effects(self._right.calls)
        is_uncertain = any(letter.code == "UNCERTAIN" for letter in end.letters)
        for call, count in made.items():
            allowed = right[call]
            if count <= allowed or (allowed and self._trial.may_repeat and call.key is not None):
                continue
            hint = (
                f"It is not made through Effects.once: write `await effects.once(lambda: {call.port}(…))`."
                if call.key is None
                else f"Its key was {call.key!r}: the same event must make the same call with the same key."
            )
            yield f"a second effect.\n  {call} was done {count} times and not {allowed}.\n{hint}"
        for call, count in right.items():
            if made[call] < count and not is_uncertain:
                yield (
                    f"it was left half done.\n  {call} was done {made[call]} times and not {count}, and no "
                    "letter tells of it.\nWhat was done before must not keep the rest from being done."
                )

    def _effects(self, calls: Sequence[Call]) -> Counter[Call]:
        return Counter(call for call in calls if call.is_outside and call.port not in self._only_ask)


def _codes(found: Found) -> str:
    letters = {letter.id: letter for letter in found.letters}
    return ", ".join(sorted(letter.code for letter in letters.values()))


def _listed(values: Collection[object]) -> str:
    text = " and ".join(sorted(map(repr, values))) or "nothing"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

"""Holds the fakes to the suites that the real adapters run, too."""

from __future__ import annotations

import pytest

from actions.fakes import FakeContacts, FakeEffects, FakeRoster
from tests.suites.contacts import ContactsSuite
from tests.suites.effects import EffectsOf, EffectsSuite
from tests.suites.roster import OWNERS, RosterSuite


class TestFakeContacts(ContactsSuite):
    @pytest.fixture
    def store(self) -> FakeContacts:
        return FakeContacts()


class TestFakeRoster(RosterSuite):
    @pytest.fixture
    def store(self) -> FakeRoster:
        return FakeRoster(OWNERS)


class TestFakeEffects(EffectsSuite):
    @pytest.fixture
    def effects_of(self) -> EffectsOf:
        effects = FakeEffects()
        return lambda event_id, *, key="key": effects.of(event_id, key)

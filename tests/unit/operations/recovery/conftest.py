"""An onboarding in memory whose store a test can lose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.lost_store import LosableInstallation


@pytest.fixture
def onboarding() -> Iterator[LosableInstallation]:
    made = LosableInstallation()
    yield made
    made.store.close()
    made.run(made.loop.shutdown_asyncgens())
    made.loop.close()

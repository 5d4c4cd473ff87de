"""What the tests of faults share."""

from __future__ import annotations

import pytest

from tests.faults.tally import Tally


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Counts the faults that the test injects."""
    return Tally(request.node.user_properties)

"""Fixtures of the property tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.property.models import PARTS

if TYPE_CHECKING:
    from ecs_sql import EntityStorage
    from tests.conftest import MakeStorage


@pytest.fixture
def storage(make_storage: MakeStorage) -> EntityStorage:
    """Keeps parts, on each backend in turn; all examples of a test share it."""
    return make_storage(*PARTS)

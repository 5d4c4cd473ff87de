"""What every storage must do, as tests that any storage can run.

A storage of your own passes the contract when this test class is green::

    from ecs_sql.testing import EntityStorageContract

    class TestMyStorage(EntityStorageContract):
        def make_storage(self, classes):
            return MyStorage(classes)

The tests need nothing but pytest to collect them, and know nothing of SQL. Where several storages can see
the same data, define `reopen_storage` too. A failed assertion shows its values when a `conftest.py` calls
`pytest.register_assert_rewrite("ecs_sql.testing")` before the first import.
"""

from ecs_sql.testing.contract import EntityStorageContract
from ecs_sql.testing.copies import CopyContract
from ecs_sql.testing.forks import ForkContract
from ecs_sql.testing.graphs import GraphContract
from ecs_sql.testing.latest import LatestContract
from ecs_sql.testing.lineages import LineageContract
from ecs_sql.testing.loading import LoadingContract
from ecs_sql.testing.operations import OperationContract
from ecs_sql.testing.pictures import (
    Picture,
    assert_one_object_per_version,
    assert_same_graph,
    assert_same_picture,
    assert_same_value,
    content,
    picture,
)
from ecs_sql.testing.refusals import RefusalContract
from ecs_sql.testing.roundtrips import RoundTripContract
from ecs_sql.testing.support import StorageHooks, raises
from ecs_sql.testing.transactions import TransactionContract

__all__ = [
    "CopyContract",
    "EntityStorageContract",
    "ForkContract",
    "GraphContract",
    "LatestContract",
    "LineageContract",
    "LoadingContract",
    "OperationContract",
    "Picture",
    "RefusalContract",
    "RoundTripContract",
    "StorageHooks",
    "TransactionContract",
    "assert_one_object_per_version",
    "assert_same_graph",
    "assert_same_picture",
    "assert_same_value",
    "content",
    "picture",
    "raises",
]

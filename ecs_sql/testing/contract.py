"""The whole contract in one class."""

from __future__ import annotations

from ecs_sql.testing.copies import CopyContract
from ecs_sql.testing.forks import ForkContract
from ecs_sql.testing.graphs import GraphContract
from ecs_sql.testing.latest import LatestContract
from ecs_sql.testing.lineages import LineageContract
from ecs_sql.testing.loading import LoadingContract
from ecs_sql.testing.operations import OperationContract
from ecs_sql.testing.refusals import RefusalContract
from ecs_sql.testing.roundtrips import RoundTripContract
from ecs_sql.testing.transactions import TransactionContract
from ecs_sql.testing.verification import VerificationContract


class EntityStorageContract(
    OperationContract,
    RoundTripContract,
    GraphContract,
    ForkContract,
    LineageContract,
    LatestContract,
    CopyContract,
    RefusalContract,
    TransactionContract,
    LoadingContract,
    VerificationContract,
):
    """Every operation and law, by fixed examples; subclass it and define `make_storage`."""

"""What the package root exports; imported whole when the first of it is asked for."""

from ecs_sql import errors
from ecs_sql.codecs.columns import ColumnOptions
from ecs_sql.diff import EntityChange, EntityDiff, FieldChange
from ecs_sql.entity import Entity
from ecs_sql.errors import EcsSqlError
from ecs_sql.mapping import EntityMapping
from ecs_sql.registry import EntityRegistry
from ecs_sql.row_classes import BaseEntitySQL
from ecs_sql.storage.memory import InMemoryEntityStorage
from ecs_sql.storage.protocol import EntityStorage
from ecs_sql.storage.rows import RegistryStatus
from ecs_sql.storage.sql import SqlAlchemyEntityStorage
from ecs_sql.storage.verification.opening import verify_database
from ecs_sql.storage.verification.report import Finding, VerificationProgress, VerificationReport
from ecs_sql.tracer import entity_tracer

__all__ = [
    "BaseEntitySQL",
    "ColumnOptions",
    "EcsSqlError",
    "Entity",
    "EntityChange",
    "EntityDiff",
    "EntityMapping",
    "EntityRegistry",
    "EntityStorage",
    "FieldChange",
    "Finding",
    "InMemoryEntityStorage",
    "RegistryStatus",
    "SqlAlchemyEntityStorage",
    "VerificationProgress",
    "VerificationReport",
    "entity_tracer",
    "errors",
    "verify_database",
]

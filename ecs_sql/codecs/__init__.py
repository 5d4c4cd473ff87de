"""Codecs: a value's form in a column, and back. Importing the package fills the registry."""

from ecs_sql.codecs import (
    addresses,
    choices,
    containers,
    json_native,
    records,
    references,
    scalars,
    times,
    unions,
)

__all__ = [
    "addresses",
    "choices",
    "containers",
    "json_native",
    "records",
    "references",
    "scalars",
    "times",
    "unions",
]

"""Names of tables, columns, indexes and keys that every database takes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container

MAX_NAME_BYTES = 50
"""Leaves room for prefixes below PostgreSQL's 63 bytes, beyond which it cuts silently."""
_HASH_DIGITS = 6

RESERVED_COLUMNS = frozenset(
    {
        "id",  # the key of every table
        *("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"),  # PostgreSQL's own
        *("db_row_id", "db_trx_id", "db_roll_ptr", "fts_doc_id"),  # InnoDB's own
    }
)
"""Names that some database keeps for columns of its own."""
RESERVED_TABLES = frozenset({"base_entities", "ecs_chunks", "ecs_meta"})
_SYSTEM_TABLES = ("sqlite_", "pg_")
"""What the names of tables begin with that a database keeps, or looks up first, for its own."""

_PLAIN = re.compile(r"[a-z0-9_]+")


def snake_case(name: str) -> str:
    """A class name in lower case, words apart: `ChatThread` is `chat_thread`, `HTTPServer` `http_server`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return apart.lower()


def database_name(name: str, taken: Container[str] = ()) -> str:
    """The name itself when it is lower-case ASCII, at most 50 bytes and free; otherwise slug and hash.

    The six hex digits are of the whole name's SHA-256, so that the result depends on the name alone.
    """
    if _PLAIN.fullmatch(name) and len(name) <= MAX_NAME_BYTES and name not in taken:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
    slug = re.sub(r"[^a-z0-9_]+", "_", name.lower())[: MAX_NAME_BYTES - _HASH_DIGITS - 1]
    return f"{slug}_{digest}"


def table_name(name: str) -> str:
    """The name of a class's table, which no database takes for one of its own."""
    if name.lower().startswith(_SYSTEM_TABLES):
        name = f"entity_{name}"
    return database_name(name, RESERVED_TABLES)


def constraint_name(prefix: str, *parts: str) -> str:
    """A short explicit name of an index or key on these names."""
    return database_name("_".join((prefix, *parts)))

"""Values that have given databases trouble, beside the ordinary ones."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
"""All that every database keeps: neither NUL nor lone surrogates."""

TEXTS = (
    "",
    " ",
    "trailing ",
    "tab\t",
    "'; DROP TABLE base_entities; --",
    "back\\slash \\u0000",
    "100% %s %(name)s {} :name ? $1",
    "null",
    "[]",
    "😀𝄞",
    "e\u0301",
    "\u202e",
    "\ufffe\uffff",
    "\U0010ffff",
)
INTS = (0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))
WIDE_INTS = (2**63, -(2**64), 10**40)
"""Those that stand inside JSON alone."""
DECIMALS = tuple(map(Decimal, ("1.00", "1", "1E+3", "-0", "0E-10", "1E-400", "9" * 60)))
URLS = (
    "https://a.example/",
    "http://u:p@b.example:81/x%20y?q=%s#f",
    "https://xn--bcher-kva.example/",
    "data:,%00",
    "mailto:x@y.example",
    "file:///a/b",
    "ftp://f.example/",
    "ws://w.example/",
    "wss://w.example/",
    *(
        f"{scheme}://user:word@host.example:1234/name"
        for scheme in (
            *("postgresql", "postgresql+psycopg", "cockroachdb", "mysql", "mysql+pymysql"),
            *("mariadb", "mariadb+pymysql", "clickhouse+http", "clickhouses", "mongodb"),
            *("redis", "rediss", "amqp", "amqps", "kafka", "nats", "snowflake"),
        )
    ),
)
"""A class of URLs takes some of these."""

NAMES = (
    *("id", "ID", "type", "metadata", "registry", "self", "cls", "name", "Name", "NAME"),
    *("select", "order", "group", "table", "user", "values", "index", "key", "primary", "default"),
    *("größe", "поле", "名前", "ﬁ", "ecs_id_", "a_id", "a_ids", "rowid", "oid", "ctid", "xmin"),
    *("x" * 64, "X" * 64, "y" * 63, "ж" * 32, "to_entity", "from_entity", "parent", "query"),
    *("tableoid", "cmax", "db_row_id", "DB_TRX_ID", "fts_doc_id", "pg_class", "sqlite_master"),
    *("a b", "a.b", "%s", ":name", "?", '"', "`", "x'; DROP TABLE base_entities; --", "{}", "\\"),
)
"""Names that fields and classes may have."""

_LONGEST_ZONE = 86_399
ZONES = st.one_of(
    st.just(dt.UTC),
    st.timezones(),
    st.integers(-_LONGEST_ZONE, _LONGEST_ZONE).map(
        lambda seconds: dt.timezone(dt.timedelta(seconds=seconds))
    ),
)
FIXED_ZONES = st.integers(-1439, 1439).map(
    lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CHARACTERS, max_size=10)
    | st.sampled_from(TEXTS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(CHARACTERS, max_size=10), inner, max_size=3)
    ),
    max_leaves=6,
)
"""What JSON itself can say."""

"""Values and names that somebody may hope are executed, imported, formatted or parsed."""

from __future__ import annotations

import base64
import json
import os
import pickle
from typing import Any

CANARY = "qz7canary"
"""Stands in each text, so that a test finds it wherever it should not be."""


class _Bomb:
    """Unpickled, it would run a command."""

    def __reduce__(self) -> Any:
        return os.system, (f"touch {CANARY}",)


PICKLE = pickle.dumps(_Bomb())

TEXTS = (
    # SQL
    f"'; DROP TABLE base_entities; -- {CANARY}",
    f'"; DELETE FROM base_entities; /* {CANARY}',
    f"' OR '1'='1' {CANARY}",
    f"\\'; DROP TABLE base_entities; # {CANARY}",
    f"` UNION SELECT * FROM base_entities -- {CANARY}",
    f"$${CANARY}$$; SELECT pg_sleep(9)",
    f"%_{CANARY}",
    # parameters and format strings of every style
    f"%s %(a)s %d %% %n {CANARY}",
    f":a ? $1 @a {CANARY}",
    "{0} {self} {0.__class__.__mro__} {a!r:>{9}} " + CANARY,
    "${HOME} `id` $(id) {{7*7}} <%= 7*7 %> " + CANARY,
    # import paths, code and serialised objects
    f"os.system {CANARY}",
    f"__import__('os').system('touch {CANARY}')",
    f"builtins.eval:{CANARY}",
    f"!!python/object/apply:os.system ['touch {CANARY}']",
    f"{base64.b64encode(PICKLE).decode()}{CANARY}",
    PICKLE.decode("latin-1").replace("\0", " ") + CANARY,
    # what looks like the library's own forms, or like JSON
    json.dumps({"chunks": [CANARY]}),
    json.dumps({"str": CANARY}),
    json.dumps({"__class__": "os.system", "args": [CANARY]}),
    json.dumps({"$ref": "#/x", "py/object": "os.system", "@type": CANARY}),
    f'["{CANARY}", null, NaN, 1e999',
    f"null {CANARY}",
    # characters
    f"\\u0000 \\x00 \\ {CANARY}",
    f"\r\n\t\x01\x1b[31m\x7f\x85\u2028\u202e\ufeff {CANARY}",
    f"\U0001f600\U0010ffff\ufffe e\u0301 \u00e9 \u00df \u0130 {CANARY}",
    f"  {CANARY}  ",
    "",
)

DATA = (PICKLE, b"\x00\xff'\"\\%s", CANARY.encode(), b"")

NATIVE: tuple[Any, ...] = (
    {"chunks": [CANARY]},
    {"chunks": []},
    {"__class__": "os.system", "__reduce__": [CANARY]},
    {"py/object": "os.system", "py/reduce": [CANARY]},
    {"str": CANARY},
    {"bytes": CANARY},
    {"maxlen": 1, "items": [CANARY, CANARY]},
    {"$type": "x", "": {"": {"": CANARY}}},
    [CANARY, {text: text for text in TEXTS}, [[[[[[]]]]]]],
    10**4_000,
    {"__proto__": {"constructor": CANARY}},
)

FIELD_NAMES = (
    'x"; DROP TABLE base_entities; --',
    "x'; DROP TABLE base_entities; --",
    "x`; DROP TABLE base_entities; --",
    "a b",
    "%s",
    "%(a)s",
    ":a",
    "{0.__class__}",
    "?",
    "\\",
    "a.b",
    "ecs_id)--",
    "select",
    "SELECT",
    "id",
    "type",
    "lambda",
    "\U0001f600",
    "e\u0301",
    "\u00e9",
    "a\nb",
    "x" * 200,
    "x" * 201,
)

CLASS_NAMES = (
    'Robert"); DROP TABLE base_entities; --',
    "Robert'); DROP TABLE base_entities; --",
    "%s",
    "{0.__class__}",
    "select",
    "base_entities",
    "ecs_meta",
    "os.system",
    "\U0001f600",
    "A" * 300,
    "ecs_chunks",
    "a/../../b",
)

"""ecs_sql keeps every state of pydantic object graphs in a SQL database, as immutable versions.

What is here stands in `ecs_sql.exports`, which is imported with the first name that is asked for: so the
command line shows its help, completes a word or is interrupted without the whole library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecs_sql.exports import *  # noqa: F403 - its `__all__` is checked there
    from ecs_sql.exports import __all__ as __all__
else:

    def __getattr__(name: str) -> Any:
        if name == "__all__" or not name.startswith("__"):
            exports = import_module("ecs_sql.exports")
            if name in ("__all__", *exports.__all__):
                value = globals()[name] = getattr(exports, name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *import_module("ecs_sql.exports").__all__})

"""From what a user gives, a URL or an Engine, to an Engine that works and the ways of its database."""

from __future__ import annotations

import re

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from ecs_sql.errors import StorageUrlError
from ecs_sql.storage.dialects import DatabaseDialect, UnusableServer, dialect_for

_DEFAULT_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mariadb": "mariadb+pymysql",
    "mysql": "mariadb+pymysql",
    "mysql+pymysql": "mariadb+pymysql",
}

_SECRET_PARAMETER = re.compile("passw|secret|token", re.IGNORECASE)


def open_engine(
    target: str | URL | Engine, *, set_up: bool = True
) -> tuple[Engine, DatabaseDialect, bool]:
    """The engine, its database's ways, and whether the engine is the storage's own.

    Args:
        target: a URL, or an engine, which is left as it is.
        set_up: whether an engine of our own is set up for durable writes.

    Raises:
        StorageUrlError: when no storage can be opened with the target.
    """
    if isinstance(target, Engine):
        return target, _dialect(target, shown_url(target.url)), False
    url, shown = _url(target)
    try:
        sql = url.get_dialect()()
        dialect = dialect_for(sql)
        return dialect.own_engine(url) if set_up else create_engine(url), dialect, True
    except UnusableServer as error:
        raise StorageUrlError(shown, str(error)) from error
    except (NoSuchModuleError, ArgumentError, TypeError, ValueError) as error:
        raise StorageUrlError(shown, str(error)) from error
    except ImportError as error:
        extra = "postgresql" if url.drivername.startswith("postgresql") else "mariadb"
        reason = f"its driver is not installed ({error}); install ecs_sql[{extra}]"
        raise StorageUrlError(shown, reason) from error


def _url(target: str | URL) -> tuple[URL, str]:
    try:
        url = make_url(target)
    except (ArgumentError, ValueError, TypeError, AttributeError):
        # Without the cause, which may quote a password.
        shown = re.sub(r":.*@", ":***@", str(target), flags=re.DOTALL)
        raise StorageUrlError(shown, "it is no database URL") from None
    driver = _DEFAULT_DRIVERS.get(url.drivername, url.drivername)
    return url.set(drivername=driver), shown_url(url)


def shown_url(url: URL) -> str:
    """The URL as messages show it: without passwords, also among its parameters."""
    hidden = {name: "***" for name in url.query if _SECRET_PARAMETER.search(name)}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def _dialect(engine: Engine, shown: str) -> DatabaseDialect:
    try:
        return dialect_for(engine.dialect)
    except UnusableServer as error:
        raise StorageUrlError(shown, str(error)) from error


def first_connection(engine: Engine, dialect: DatabaseDialect) -> None:
    """Connect once, and let the dialect learn what the server says of itself.

    Raises:
        StorageUrlError: when the database cannot be reached or used.
    """
    shown = shown_url(engine.url)
    try:
        with engine.connect() as connection:
            dialect.inspect(connection)
    except DBAPIError as error:
        raise StorageUrlError(shown, f"the database cannot be reached ({error.orig})") from error
    except UnusableServer as error:
        raise StorageUrlError(shown, str(error)) from error

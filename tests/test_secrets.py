"""Secrets and passwords: stored as the application's own column type encrypts them, shown by no message."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import SecretBytes, SecretStr
from sqlalchemy import LargeBinary, create_engine, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from ecs_sql import (
    Entity,
    EntityMapping,
    InMemoryEntityStorage,
    SqlAlchemyEntityStorage,
    verify_database,
)
from ecs_sql.errors import (
    EcsSqlError,
    MappingError,
    StorageError,
    StorageUrlError,
    StoredValueError,
    UnstorableValueError,
)
from tests.damage import put

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import MakeSqlStorage, MakeStorage
    from tests.storages import Storages

PASSWORD = "hunter2-correct-horse"


class BrokenSeal(Exception):
    """What a library of ciphers raises of damaged data: no ValueError."""


class Sealed(TypeDecorator[SecretStr]):
    """A stand-in for a cipher: it reverses the bytes and seals them with a mark."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: SecretStr | None, _dialect: Any) -> bytes | None:
        return None if value is None else b"!" + value.get_secret_value().encode()[::-1]

    def process_result_value(self, value: bytes | None, _dialect: Any) -> SecretStr | None:
        if value is None:
            return None
        if not value.startswith(b"!"):
            raise BrokenSeal
        return SecretStr(value[:0:-1].decode())


class Account(Entity):
    name: str = ""
    password: Annotated[SecretStr, Sealed()] = SecretStr(PASSWORD)


class Clear(Entity):
    password: SecretStr = SecretStr(PASSWORD)


class ClearInside(Entity):
    passwords: list[SecretBytes] = []


def told(error: BaseException) -> str:
    """All that a traceback of the error shows."""
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("entity_class", [Clear, ClearInside])
def test_a_secret_in_the_clear_is_refused_at_registration(entity_class: type[Entity]) -> None:
    with pytest.raises(MappingError, match="in the clear"):
        EntityMapping().register(entity_class)
    with pytest.raises(MappingError, match="in the clear"):
        InMemoryEntityStorage().register(entity_class())


def test_a_sealed_secret_comes_back_and_is_not_stored_in_the_clear(
    make_sql_storage: MakeSqlStorage, caplog: pytest.LogCaptureFixture
) -> None:
    storage = make_sql_storage(Account)
    account = Account(name="a")
    with caplog.at_level(logging.DEBUG):
        storage.register(account)
        loaded = storage.get(account.ecs_id, Account)
    assert loaded is not None
    assert loaded.password.get_secret_value() == PASSWORD
    assert PASSWORD not in caplog.text + repr(loaded) + str(loaded)
    with storage.engine.connect() as connection:
        assert PASSWORD.encode() not in connection.scalar(text("SELECT password FROM account"))
    account.password = SecretStr("another")
    assert PASSWORD not in repr(loaded.diff(account)) + str(loaded.diff(account))


@pytest.mark.parametrize(
    "value",
    [PASSWORD, SecretStr(f"{PASSWORD}\x00"), SecretStr(f"{PASSWORD}\ud800"), PASSWORD.encode()],
)
def test_a_refused_secret_is_not_shown(make_storage: MakeStorage, value: Any) -> None:
    storage = make_storage(Account)
    account = Account.model_construct(password=value)
    with pytest.raises(UnstorableValueError, match="password") as caught:
        storage.register(account)
    assert PASSWORD not in told(caught.value)
    assert PASSWORD not in repr(vars(caught.value))


def test_a_query_does_not_show_a_refused_secret(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Account)
    row = storage.mapping[Account]
    engine = create_engine(storage.engine.url, hide_parameters=True)
    with Session(engine) as session, pytest.raises(StatementError) as caught:
        session.scalars(select(row).where(row.password == PASSWORD)).all()
    assert PASSWORD not in str(caught.value)
    engine.dispose()


def test_damage_is_told_by_what_is_stored(make_sql_storage: MakeSqlStorage) -> None:
    """Also where the application's type raises an error of its own."""
    storage = make_sql_storage(Account)
    damaged, sound = Account(name="a"), Account(name="b")
    storage.register_many([damaged, sound])
    put(storage, damaged, "password", b"no seal")
    with pytest.raises(StoredValueError, match="BrokenSeal") as caught:
        storage.get(damaged.ecs_id)
    assert (caught.value.ecs_id, caught.value.column) == (damaged.ecs_id, "password")
    (finding,) = storage.verify().findings
    assert (finding.kind, finding.column) == ("undecodable_value", "password")
    loaded = storage.get(sound.ecs_id, Account)
    assert loaded is not None
    assert loaded.password.get_secret_value() == PASSWORD


def test_verification_does_not_show_a_secret(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Account)
    damaged = Account()
    storage.register(damaged)
    put(storage, damaged, "password", b"!" + f"{PASSWORD}\x00".encode()[::-1])
    (finding,) = storage.verify().findings
    assert (finding.kind, finding.column) == ("undecodable_value", "password")
    assert PASSWORD not in repr(finding) + str(finding)


def test_an_engine_that_hides_parameters_hides_them_in_every_error(storages: Storages) -> None:
    """The values of other fields stand in the driver's statements; the error's cause shows them, or not."""
    url = storages.database("sqlite")
    shown: list[bool] = []
    for hide in (False, True):
        engine = create_engine(url, hide_parameters=hide)
        storage = SqlAlchemyEntityStorage(engine, [Account])
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE account"))
        for count in (1, 3):
            with pytest.raises(StorageError) as caught:
                storage.register_many([Account(name="private") for _ in range(count)])
            assert "private" not in str(caught.value)
            shown.append("'private'" in told(caught.value))
        engine.dispose()
    assert shown == [True, True, False, False]


def test_the_message_of_a_failed_write_quotes_no_row(storages: Storages) -> None:
    """PostgreSQL's detail does; it stands in the cause alone."""
    storage = storages.open_url(storages.database("postgresql"), Account)
    with storage.engine.begin() as connection:
        connection.execute(text("ALTER TABLE account ADD COLUMN extra INTEGER NOT NULL"))
    with pytest.raises(StorageError, match="extra") as caught:
        storage.register(Account(name="private"))
    assert "private" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://u:{PASSWORD}@127.0.0.1:1/x?connect_timeout=2",
        f"postgresql+psycopg://127.0.0.1:1/x?connect_timeout=2&user=u&password={PASSWORD}",
        f"mariadb+pymysql://u:{PASSWORD}@127.0.0.1:1/x?connect_timeout=2",
        f"postgresql:/u:{PASSWORD}@127.0.0.1/x",
        f"u:{PASSWORD}@127.0.0.1/x",
        f"nosuchdatabase://u:{PASSWORD}@127.0.0.1/x",
        f"postgresql+psycopg://u:{PASSWORD}@127.0.0.1:port/x",
    ],
)
def test_no_password_of_a_url_is_shown(url: str) -> None:
    open_it: list[Callable[[], object]] = [
        lambda: SqlAlchemyEntityStorage(url, [Account]),
        lambda: verify_database(url, [Account]),
    ]
    for attempt in open_it:
        with pytest.raises(EcsSqlError) as caught:
            attempt()
        assert isinstance(caught.value, StorageUrlError)
        assert PASSWORD not in caught.value.url + str(caught.value)
        quoted = [line for line in told(caught.value).splitlines() if PASSWORD in line]
        assert quoted == []

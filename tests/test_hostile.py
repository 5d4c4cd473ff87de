"""Hostile values and names are data: they come back as they are, or are refused; nothing is ever run."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import pytest
from pydantic import Field, create_model
from sqlalchemy import event, inspect, select
from sqlalchemy.orm import Session

from ecs_sql import ColumnOptions, Entity, EntityMapping
from ecs_sql.errors import EcsSqlError, NotAnEntityError, NotAnIdError, UnstorableValueError
from ecs_sql.testing import assert_same_graph
from ecs_sql.testing.models import Containers, Models, Names, Node, Open, Scalars, Tag, Unions
from tests.cli.processes import PACKAGE_DIRECTORY, environment
from tests.hostile import CANARY, CLASS_NAMES, DATA, FIELD_NAMES, NATIVE, TEXTS

if TYPE_CHECKING:
    from tests.conftest import MakeSqlStorage, MakeStorage


def carriers() -> Iterator[Entity]:
    """Each hostile value in every place that takes a value of its type."""
    for text in TEXTS:
        yield Scalars(text=text, path=Path(text))
        yield Unions(maybe=text, anything=text, keyed={text: text})
        yield Containers(
            pair=(1, text),
            words={text},
            table={text: 1},
            by_number={1: text},
            nested={text: [(1, {text})]},
        )
        yield Models(options={"name": text}, names=Names([text]), free={text: [text]})
        yield Open.model_validate({"name": text, text or "extra": text})
        yield Tag(label=text)
    for data in DATA:
        yield Scalars(data=data)
        yield Unions(anything=data)
        yield Containers(by_key={Scalars().key: data})
    for value in NATIVE:
        yield Models(free=value)
        yield Open.model_validate({"free": value})


def test_hostile_values_come_back_as_they_are(make_storage: MakeStorage) -> None:
    storage = make_storage(Scalars, Unions, Containers, Models, Open, Tag)
    entities = list(carriers())
    storage.register_many(entities)
    loaded = storage.get_many([entity.ecs_id for entity in entities])
    for entity, copy in zip(entities, loaded, strict=True):
        assert_same_graph(copy, entity)
    before = [entity.ecs_id for entity in entities]
    storage.register_many([copy for copy in loaded if copy is not None])
    assert [copy.ecs_id for copy in loaded if copy is not None] == before
    assert storage.get_registry_status().versions == len(entities)
    assert storage.verify().ok


def test_values_never_stand_in_a_statement(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Scalars, Unions, Containers, Models, Open, Tag)
    statements: list[str] = []
    event.listen(
        storage.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: statements.append(statement),
    )
    entities = list(carriers())
    storage.register_many(entities)
    storage.get_many([entity.ecs_id for entity in entities])
    storage.list_by_type(Entity)
    row = storage.mapping[Scalars]
    with Session(storage.engine) as session:
        for text in TEXTS:
            found = session.scalars(select(row).where(row.text == text)).all()
            assert [one.text for one in found] == [text] * (1 + len(DATA) * (text == ""))
    assert storage.verify().ok
    assert statements
    assert not [statement for statement in statements if CANARY in statement]


class LoudText(str):
    """A text that would like to be asked."""

    __slots__ = ()

    def __str__(self) -> str:
        raise AssertionError("asked")

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        raise AssertionError("asked")


class Liar:
    """An object that says that it is what it is not."""

    def __init__(self, claimed: type) -> None:
        self.claimed = claimed

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self.claimed


def _nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = {"a": [value]}
    return value


REFUSED: list[tuple[type[Entity], str, Any]] = [
    (Scalars, "text", LoudText("x")),
    (Scalars, "text", Liar(str)),
    (Scalars, "text", f"{CANARY}\x00"),
    (Scalars, "text", "\ud800"),
    (Scalars, "count", 2**63),
    (Scalars, "count", Liar(int)),
    (Scalars, "count", 10**10_000),
    (Scalars, "path", PurePosixPath("x")),
    (Unions, "anything", Liar(bool)),
    (Unions, "keyed", {LoudText("x"): 1}),
    (Containers, "words", {LoudText("x")}),
    (Containers, "table", {"a\x00": 1}),
    (Containers, "numbers", Liar(list)),
    (Models, "free", _nested(100)),
    (Models, "free", _nested(5_000)),
    (Models, "free", {"a": LoudText("x")}),
    (Models, "free", 10**10_000),
    (Models, "free", Liar(dict)),
    (Models, "free", lambda: None),
    (Models, "free", Liar),
    (Models, "engine", Liar(Models)),
    (Node, "next", Liar(Node)),
    (Node, "children", [Liar(Node)]),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))  # pytest itself asks the values for names
def test_what_is_not_exactly_a_value_is_refused(make_storage: MakeStorage, number: int) -> None:
    entity_class, field, value = REFUSED[number]
    storage = make_storage(entity_class)
    entity = entity_class()
    object.__getattribute__(entity, "__dict__")[field] = value
    with pytest.raises(UnstorableValueError) as caught:
        storage.register(entity)
    assert (caught.value.entity_class, caught.value.field) == (entity_class, field)
    assert len(str(caught.value)) < 1_000
    assert storage.get_registry_status().versions == 0


def test_what_says_that_it_is_an_entity_is_not_registered(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    for liar in (Liar(Node), Liar(str), Liar(UUID)):
        with pytest.raises((NotAnEntityError, NotAnIdError)):
            storage.register(liar)  # type: ignore[call-overload]
        with pytest.raises(NotAnIdError):
            storage.get(liar)  # type: ignore[call-overload]
    assert storage.get_registry_status().versions == 0


def _hostile_class(name: str, fields: tuple[str, ...] = ()) -> type[Entity]:
    aliased: dict[str, Any] = {
        f"field_{n}": (str, Field("", alias=alias)) for n, alias in enumerate(fields)
    }
    made: Any = create_model(name, __base__=Entity, **aliased)
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_hostile_class_names_are_names(make_storage: MakeStorage, name: str) -> None:
    made = _hostile_class(name, FIELD_NAMES)
    storage = make_storage(made, Tag)
    entity = made.model_validate(dict.fromkeys(FIELD_NAMES, "value"))
    storage.register_many([entity, Tag(label="sound")])
    assert_same_graph(storage.get(entity.ecs_id, made), entity)
    assert [one.ecs_id for one in storage.list_by_type(made)] == [entity.ecs_id]
    assert [tag.label for tag in storage.list_by_type(Tag)] == ["sound"]
    assert storage.verify().ok


def test_hostile_table_names_are_slugs() -> None:
    for name in CLASS_NAMES:
        mapping = EntityMapping()
        made = type("Plain", (Entity,), {"__tablename__": name, "__module__": __name__})
        mapping.register(made)
        table = mapping.spec(made).table_name
        assert table not in ("base_entities", "ecs_meta")
        assert set(table) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
        assert 0 < len(table) <= 50


def test_hostile_field_names_are_names(make_sql_storage: MakeSqlStorage) -> None:
    taken: dict[str, Any] = {name: (str, "") for name in FIELD_NAMES if not name.startswith("_")}
    made: Any = create_model("Hostile", __base__=Entity, **taken)
    storage = make_sql_storage(made)
    entity = made(**{name: f"value of {name}" for name in taken})
    storage.register(entity)
    assert_same_graph(storage.get(entity.ecs_id), entity)
    row = storage.mapping[made]
    with Session(storage.engine) as session:
        found = session.scalars(select(row)).one()
        for name in taken:
            attribute = f"{name}_" if name in ("id", "type") else name
            assert getattr(found, attribute) == f"value of {name}"
    columns = [column["name"] for column in inspect(storage.engine).get_columns("hostile")]
    assert len(columns) == len(taken) + 1
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_") for name in columns)
    assert storage.verify().ok


def test_an_index_and_a_column_of_a_wished_hostile_name(make_sql_storage: MakeSqlStorage) -> None:
    wished = ColumnOptions(index=True, name='x"); DROP TABLE base_entities; --')
    made: Any = create_model("Wishing", __base__=Entity, field=(Annotated[str, wished], ""))
    storage = make_sql_storage(made)
    entity = storage.register(made(field="a"))
    assert_same_graph(storage.get(entity.ecs_id), entity)
    assert storage.verify().ok


WATCHED = Path(__file__).with_name("watched_loading.py")


def test_nothing_is_run_while_a_hostile_database_is_read(database_url: str, tmp_path: Path) -> None:
    """Python's audit hook sees each import, exec, compile, unpickling, command and file."""
    finished = subprocess.run(
        [sys.executable, "-m", "tests.watched_loading", database_url],
        cwd=tmp_path,
        env=environment(PYTHONPATH=f"{PACKAGE_DIRECTORY}:{WATCHED.parent.parent}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    values, errors, events = finished.stdout.splitlines()[-1].split()
    assert (int(values) > 200, int(errors) > 40) == (True, True)
    assert events == "[]"
    assert list(tmp_path.iterdir()) == []


def test_the_bombs_are_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(DATA[0])
    assert [file.name for file in tmp_path.iterdir()] == [CANARY]
    assert issubclass(UnstorableValueError, EcsSqlError)

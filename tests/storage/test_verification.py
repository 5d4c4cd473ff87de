"""`verify` finds nothing in what was registered, and each damage that a hand can do, with exact counts."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, inspect

from ecs_sql import (
    ColumnOptions,
    Entity,
    Finding,
    InMemoryEntityStorage,
    VerificationProgress,
    VerificationReport,
    verify_database,
)
from ecs_sql.errors import StorageError, StorageUrlError
from ecs_sql.testing.models import Containers, Models, Node, Scalars, Scene, Unions
from tests.damage import database_of, id_value, put, remove, row_of, run_sql, unchecked

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ecs_sql import SqlAlchemyEntityStorage
    from tests.conftest import MakeSqlStorage, MakeStorage
    from tests.storages import Storages


class Plant(Entity):
    name: str = ""
    tags: list[str] = []


class Tree(Plant):
    height: float = 1.0


class Garden(Entity):
    label: Annotated[str, ColumnOptions(index=True)] = ""
    best: Plant | None = None
    trees: list[Tree] = []
    named: dict[str, Plant | None] = {}


def found(report: VerificationReport) -> list[tuple[str, str, str | None, UUID | None]]:
    """What tells the findings apart, sorted."""
    return in_order((f.kind, f.table, f.column, f.ecs_id) for f in report.findings)


def in_order(findings: Iterable[Any]) -> list[Any]:
    """Findings in an order that does not depend on the order of the classes."""
    return sorted(findings, key=str)


def counts(storage: SqlAlchemyEntityStorage) -> dict[str, int]:
    """The findings' counts; what is found is told alike in the report and by the callback."""
    told: list[Finding] = []
    report = storage.verify(on_finding=told.append)
    assert report.findings == tuple(told)
    assert report.total == len(told) == sum(report.counts.values())
    assert report.ok is (not told)
    assert all(finding.remedy in str(finding) for finding in told)
    return dict(report.counts)


@pytest.fixture
def garden(make_sql_storage: MakeSqlStorage) -> SqlAlchemyEntityStorage:
    """A storage with no version yet."""
    return make_sql_storage(Garden)


def planted(storage: SqlAlchemyEntityStorage) -> tuple[Garden, Plant, Tree]:
    """A garden, a plant and a tree, stored; sound ones stand before and after them."""
    plant, tree = Plant(name="fern"), Tree(name="oak", tags=["old"])
    garden = Garden(label="g", best=plant, trees=[tree, Tree(name="elm")], named={"a": tree})
    storage.register(Garden(label="before", best=Tree(name="ash")))
    storage.register(garden)
    storage.register(Garden(label="after", trees=[Tree(name="yew")]))
    assert storage.verify().ok
    return garden, plant, tree


# ---------------------------------------------------------------- what was registered


def test_nothing_is_found_in_what_was_registered(make_storage: MakeStorage) -> None:
    classes = (Scalars, Unions, Containers, Models, Scene, Garden)
    storage = make_storage(*classes)
    empty = storage.verify()
    assert (empty.ok, empty.versions, empty.findings) == (True, 0, ())
    node = Node(name="a", children=[Node(name="b")])
    node.next = node
    scene = Scene(owner=None, by_name={"a": node})
    storage.register_many([Scalars(), Unions(), Containers(), Models(), scene, Garden()])
    for name in ("c", "d"):
        node.children[0].name = name
        storage.register(scene)
    copy = storage.get(scene.ecs_id, Scene)
    assert copy is not None
    copy.by_name["a"].size += 1
    storage.register(copy)
    report = storage.verify()
    status = storage.get_registry_status()
    assert report.ok, "\n".join(map(str, report.findings))
    assert (report.backend, report.versions) == (status.backend, status.versions)
    assert (report.total, report.counts, report.findings) == (0, {}, ())


def test_history_that_is_stored_elsewhere_is_no_fault(make_storage: MakeStorage) -> None:
    first, second = make_storage(Plant), InMemoryEntityStorage()
    plant = Plant(name="a")
    for name in "bcd":
        second.register(plant)
        plant.name = name
    second.register(plant)
    first.register(plant)
    plant.name = "e"
    first.register(plant)
    assert (first.verify().ok, second.verify().ok) == (True, True)


def test_progress_is_told_to_the_end_and_rows_are_counted(garden: SqlAlchemyEntityStorage) -> None:
    planted(garden)
    told: list[VerificationProgress] = []
    report = garden.verify(on_progress=told.append, batch_rows=2)
    last = {progress.table: progress for progress in told}
    assert next(iter(last)) == "base_entities"
    assert {table: progress.done for table, progress in last.items()} == report.rows
    assert all(progress.done == progress.total for progress in last.values())
    assert report.rows == {
        "base_entities": 8,
        "plant": 5,
        "tree": 4,
        "garden": 3,
        "ecs_chunks": 0,
    }
    assert report.versions == 8
    assert all(one.done <= one.total for one in told)


def test_memory_tells_progress_too() -> None:
    storage = InMemoryEntityStorage()
    storage.register_many([Plant() for _ in range(5)])
    told: list[VerificationProgress] = []
    assert storage.verify(on_progress=told.append, batch_rows=2).rows == {"versions": 5}
    assert [(one.done, one.total) for one in told] == [(0, 5), (2, 5), (4, 5), (5, 5)]


def test_counts_are_exact_whatever_is_kept(garden: SqlAlchemyEntityStorage) -> None:
    gardens = [Garden(label=str(number)) for number in range(7)]
    garden.register_many(gardens)
    for one in gardens[2:]:
        put(garden, one, "named", "[]")
    told: list[Finding] = []
    for keep in (0, 3, 100):
        report = garden.verify(keep=keep, on_finding=told.append, batch_rows=3)
        assert report.counts == {"undecodable_value": 5}
        assert [f.ecs_id for f in report.findings] == [one.ecs_id for one in gardens[2:][:keep]]
    assert len(told) == 15


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize(
    ("column", "value", "target"),
    [
        ("best_id", None, True),
        ("trees_ids", '["{}", "{}"]', True),
        ("named", '{{"x": "{}"}}', True),
    ],
)
def test_broken_references_are_found(
    garden: SqlAlchemyEntityStorage, column: str, value: str | None, target: bool
) -> None:
    damaged, _, tree = planted(garden)
    missing = uuid4()
    raw = id_value(garden, missing) if value is None else value.format(missing, tree.ecs_id)
    put(garden, damaged, column, raw)
    report = garden.verify()
    assert found(report) == [("broken_reference", "garden", column, damaged.ecs_id)]
    assert str(missing) in report.findings[0].reason
    assert report.findings[0].entity_class is Garden


def test_each_missing_target_of_a_value_is_found(garden: SqlAlchemyEntityStorage) -> None:
    damaged, _, _ = planted(garden)
    missing = [uuid4(), uuid4(), uuid4()]
    put(garden, damaged, "trees_ids", str([*map(str, missing)]).replace("'", '"'))
    report = garden.verify()
    assert report.counts == {"broken_reference": 3}
    assert all(str(m) in f.reason for m, f in zip(missing, report.findings, strict=True))


def test_a_reference_to_another_class_is_found(garden: SqlAlchemyEntityStorage) -> None:
    damaged, plant, _ = planted(garden)
    put(garden, damaged, "trees_ids", f'["{plant.ecs_id}"]')
    put(garden, damaged, "best_id", id_value(garden, damaged.ecs_id))
    report = garden.verify()
    assert found(report) == [
        ("broken_reference", "garden", "best_id", damaged.ecs_id),
        ("broken_reference", "garden", "trees_ids", damaged.ecs_id),
    ]
    assert "Tree" in report.findings[1].reason


@pytest.mark.parametrize("value", ["[", '{"a": 1}', "[1]", "null", '"text"', "[[]]", '["\\u0000"]'])
def test_values_that_do_not_decode_are_found(garden: SqlAlchemyEntityStorage, value: str) -> None:
    _, plant, tree = planted(garden)
    if database_of(garden) == "postgresql" and value == "[":
        run_sql(garden, "ALTER TABLE plant ALTER tags TYPE TEXT USING tags::text")
    for damaged in (plant, tree):
        put(garden, damaged, "tags", value, table="plant")
    report = garden.verify()
    own = [finding for finding in report.findings if finding.kind == "undecodable_value"]
    assert in_order((f.column, f.ecs_id) for f in own) == in_order(
        [("tags", plant.ecs_id), ("tags", tree.ecs_id)]
    )
    assert all(f.value is not None and f.reason for f in own)


def test_bookkeeping_that_does_not_decode_is_found(garden: SqlAlchemyEntityStorage) -> None:
    damaged, plant, tree = planted(garden)
    put(garden, damaged, "old_ids", '{"a": 1}', table="base_entities")
    put(garden, tree, "old_ids", '["no id"]', table="base_entities")
    if database_of(garden) != "postgresql":
        put(garden, plant, "parent_id", "no id", table="base_entities")
    expected = [
        ("undecodable_value", "base_entities", "old_ids", damaged.ecs_id),
        ("undecodable_value", "base_entities", "old_ids", tree.ecs_id),
    ]
    if database_of(garden) != "postgresql":
        expected.append(("undecodable_value", "base_entities", "parent_id", plant.ecs_id))
    assert found(garden.verify()) == in_order(expected)


def test_values_of_another_type_are_found_where_sqlite_keeps_them(storages: Storages) -> None:
    storage = storages.open_url(storages.database("sqlite"), Scalars)
    damage: dict[str, Any] = {
        "flag": 7,
        "count": "many",
        "ratio": "half",
        "data": "text",
        "price": "costly",
        "key": "no id",
        "day": "2024-13-01",
        "clock": "noon",
        "aware": "yesterday",
        "naive": 12,
        "span": "long",
        "color": "PURPLE",
        "access": 1 << 40,
        "mode": "none of them",
        "text": b"bytes",
    }
    entities = {column: Scalars() for column in damage}
    storage.register_many(list(entities.values()))
    for column, entity in entities.items():
        put(storage, entity, column, damage[column])
    report = storage.verify()
    assert {(f.column, f.ecs_id) for f in report.findings} == {
        (column, entity.ecs_id) for column, entity in entities.items()
    }
    assert report.counts == {"undecodable_value": len(damage)}


def test_an_unknown_type_is_found(garden: SqlAlchemyEntityStorage, storages: Storages) -> None:
    _, plant, tree = planted(garden)
    put(garden, tree, "type", "import os", table="base_entities")
    report = garden.verify()
    # Its rows in the tables of its class are still there, and nobody can tell whose they are.
    assert found(report) == [("unknown_discriminator", "base_entities", "type", tree.ecs_id)]
    assert report.findings[0].value == "'import os'"
    fewer = storages.open_url(storages.url(garden), Plant)
    kinds = {f.kind for f in fewer.verify().findings}
    assert kinds == {"unknown_discriminator", "additional_table"}
    assert plant.ecs_id not in {f.ecs_id for f in fewer.verify().findings}


def test_a_version_without_its_row_is_found(garden: SqlAlchemyEntityStorage) -> None:
    damaged, plant, tree = planted(garden)
    remove(garden, damaged, "garden")
    remove(garden, plant, "plant")
    remove(garden, tree, "plant")
    expected = [
        ("missing_row", "garden", None, damaged.ecs_id),
        ("missing_row", "plant", None, plant.ecs_id),
        ("missing_row", "plant", None, tree.ecs_id),
    ]
    assert found(garden.verify()) == in_order(expected)


def test_a_row_without_its_version_is_found(garden: SqlAlchemyEntityStorage) -> None:
    damaged, _, tree = planted(garden)
    ids = {one: row_of(garden, one) for one in (damaged, tree)}
    run_sql(
        garden,
        f"UPDATE garden SET best_id = NULL, trees_ids = '[]', named = '{{}}' WHERE id = {ids[damaged]}",
        f"DELETE FROM base_entities WHERE id = {ids[tree]}",
    )
    report = garden.verify()
    assert [(f.kind, f.table, f.row_id) for f in report.findings] == [
        ("orphaned_row", "plant", ids[tree]),
        ("orphaned_row", "tree", ids[tree]),
    ]


def test_a_row_in_a_table_of_another_class_is_found(garden: SqlAlchemyEntityStorage) -> None:
    damaged, plant, _ = planted(garden)
    run_sql(garden, f"INSERT INTO tree (id, height) VALUES ({row_of(garden, plant)}, 1.0)")
    run_sql(
        garden, f"INSERT INTO plant (id, name, tags) VALUES ({row_of(garden, damaged)}, '', '[]')"
    )
    assert found(garden.verify()) == [
        ("orphaned_row", "plant", None, damaged.ecs_id),
        ("orphaned_row", "tree", None, plant.ecs_id),
    ]


def test_an_id_that_two_versions_have_is_found(garden: SqlAlchemyEntityStorage) -> None:
    _, plant, tree = planted(garden)
    on_table = " ON base_entities" if database_of(garden) == "mariadb" else ""
    run_sql(garden, f"DROP INDEX ux_base_ecs_id{on_table}")
    first = row_of(garden, plant)
    put(garden, tree, "ecs_id", id_value(garden, plant.ecs_id), table="base_entities")
    report = garden.verify()
    assert report.counts["duplicate_id"] == report.counts["missing_index"] == 1
    (finding,) = [f for f in report.findings if f.kind == "duplicate_id"]
    assert (finding.row_id, finding.ecs_id) == (first, plant.ecs_id)


# ---------------------------------------------------------------- lineages


def versions(storage: SqlAlchemyEntityStorage, count: int) -> list[Plant]:
    """So many versions of one plant, oldest first."""
    plant = Plant(name="0")
    storage.register(plant)
    for number in range(1, count):
        plant.name = str(number)
        storage.register(plant)
    found = storage.get_lineage_entities(plant.lineage_id)
    assert [one.name for one in found if isinstance(one, Plant)] == [*map(str, range(count))]
    return [one for one in found if isinstance(one, Plant)]


def test_a_split_lineage_is_found(garden: SqlAlchemyEntityStorage) -> None:
    plants = versions(garden, 4)
    put(garden, plants[1], "lineage_id", id_value(garden, uuid4()), table="base_entities")
    assert [(f.kind, f.table, f.column, f.ecs_id) for f in garden.verify().findings] == [
        ("split_lineage", "base_entities", "lineage_id", plants[1].ecs_id),
        ("split_lineage", "base_entities", "lineage_id", plants[2].ecs_id),
    ]


@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("batch_rows", [1, 3, 100])
def test_a_circle_of_parents_is_found_once(
    garden: SqlAlchemyEntityStorage, length: int, batch_rows: int
) -> None:
    plants = versions(garden, 8)
    sound = versions(garden, 3)
    first, last = plants[1], plants[length]
    put(garden, first, "parent_id", id_value(garden, last.ecs_id), table="base_entities")
    report = garden.verify(batch_rows=batch_rows)
    assert report.counts["lineage_cycle"] == 1
    (cycle,) = [f for f in report.findings if f.kind == "lineage_cycle"]
    assert (cycle.ecs_id, cycle.column) == (first.ecs_id, "parent_id")
    assert not {one.ecs_id for one in sound} & {f.ecs_id for f in report.findings}


def test_circles_whose_old_ids_tell_nothing_are_found_once_each(
    garden: SqlAlchemyEntityStorage,
) -> None:
    circles = [versions(garden, count) for count in (3, 4)]
    for plants in circles:
        put(garden, plants[0], "parent_id", id_value(garden, plants[-1].ecs_id), "base_entities")
    run_sql(garden, "UPDATE base_entities SET old_ids = '[]'")
    leading_in = versions(garden, 2)[1]
    put(garden, leading_in, "parent_id", id_value(garden, circles[0][1].ecs_id), "base_entities")
    put(
        garden,
        leading_in,
        "lineage_id",
        id_value(garden, circles[0][1].lineage_id),
        "base_entities",
    )
    put(garden, leading_in, "old_ids", "[]", "base_entities")
    report = garden.verify()
    assert [f.ecs_id for f in report.findings] == [plants[0].ecs_id for plants in circles]
    assert report.counts == {"lineage_cycle": 2}


@pytest.mark.parametrize("old_ids", ["[]", '["{other}"]', '["{parent}", "{other}"]', '["{own}"]'])
def test_ancestors_that_contradict_the_parents_are_found(
    garden: SqlAlchemyEntityStorage, old_ids: str
) -> None:
    plants = versions(garden, 2)
    sound = versions(garden, 3)
    named = {"other": uuid4(), "parent": plants[0].ecs_id, "own": plants[1].ecs_id}
    put(garden, plants[1], "old_ids", old_ids.format(**named), table="base_entities")
    expected = [("contradicting_ancestors", "base_entities", "old_ids", plants[1].ecs_id)]
    # An entity made by hand may have a parent and tell nothing of the others.
    assert found(garden.verify()) == ([] if old_ids == "[]" else expected)
    assert garden.get_lineage_ids(sound[0].lineage_id) == [one.ecs_id for one in sound]


# ---------------------------------------------------------------- the schema


def test_a_wrong_format_is_found(garden: SqlAlchemyEntityStorage, storages: Storages) -> None:
    url = storages.url(garden)
    for damage, value in (
        ("UPDATE ecs_meta SET format = 999", "999"),
        ("INSERT INTO ecs_meta VALUES (1000)", "[999, 1000]"),
        ("DELETE FROM ecs_meta", "[]"),
        ("DROP TABLE ecs_meta", None),
    ):
        run_sql(garden, damage)
        for report in (garden.verify(), verify_database(url, [Garden])):
            assert [(f.kind, f.table, f.value) for f in report.findings] == [
                ("wrong_format", "ecs_meta", value)
            ]


def test_missing_and_additional_tables_are_found(
    garden: SqlAlchemyEntityStorage, storages: Storages
) -> None:
    planted(garden)
    run_sql(garden, "CREATE TABLE applications_own (id INTEGER PRIMARY KEY, note VARCHAR(10))")
    assert garden.verify().ok
    run_sql(garden, "DROP TABLE tree")
    report = garden.verify()
    assert found(report) == [("missing_table", "tree", None, None)]
    assert report.rows == {"base_entities": 8, "plant": 5, "garden": 3, "ecs_chunks": 0}
    only_plants = verify_database(storages.url(garden), [Plant])
    assert only_plants.counts == {"additional_table": 1, "unknown_discriminator": 7}
    assert ("additional_table", "garden", None, None) in found(only_plants)


def test_missing_and_additional_columns_are_found(garden: SqlAlchemyEntityStorage) -> None:
    _, plant, _ = planted(garden)
    put(garden, plant, "tags", "[7]")
    run_sql(
        garden,
        "ALTER TABLE garden DROP COLUMN named",
        "ALTER TABLE garden ADD COLUMN planted_by VARCHAR(10)",
    )
    assert found(garden.verify()) == [
        ("additional_column", "garden", "planted_by", None),
        ("missing_column", "garden", "named", None),
        ("undecodable_value", "plant", "tags", plant.ecs_id),
    ]


def test_a_database_without_its_base_table_is_reported(garden: SqlAlchemyEntityStorage) -> None:
    if database_of(garden) == "postgresql":
        run_sql(garden, "DROP TABLE base_entities CASCADE")
    else:
        run_sql(garden, "DROP TABLE base_entities")
    report = garden.verify()
    assert ("missing_table", "base_entities", None, None) in found(report)
    assert (report.versions, report.rows) == (0, {})


_RETYPED = {
    "postgresql": [
        "ALTER TABLE tree ALTER height TYPE NUMERIC",
        "ALTER TABLE plant ALTER name DROP NOT NULL",
    ],
    "mariadb": [
        "ALTER TABLE tree MODIFY height DECIMAL(9, 3) NOT NULL",
        "ALTER TABLE plant MODIFY name LONGTEXT",
    ],
    "sqlite": [
        "DROP TABLE tree",
        "CREATE TABLE tree (id INTEGER NOT NULL PRIMARY KEY REFERENCES plant (id), height NUMERIC NOT NULL)",
        "DROP TABLE plant",
        "CREATE TABLE plant (id INTEGER NOT NULL PRIMARY KEY REFERENCES base_entities (id), name TEXT, "
        "tags TEXT NOT NULL)",
    ],
}


def test_differing_types_and_nullability_are_found(garden: SqlAlchemyEntityStorage) -> None:
    run_sql(garden, *_RETYPED[database_of(garden)])
    report = garden.verify()
    assert found(report) == [
        ("differing_nullability", "plant", "name", None),
        ("differing_type", "tree", "height", None),
    ]


def test_a_base_table_of_other_types_is_reported_and_not_read(
    garden: SqlAlchemyEntityStorage,
) -> None:
    planted(garden)
    match database_of(garden):
        case "postgresql":
            run_sql(garden, "ALTER TABLE base_entities ALTER ecs_id TYPE TEXT")
        case "mariadb":
            run_sql(garden, "ALTER TABLE base_entities MODIFY ecs_id VARCHAR(40) NOT NULL")
        case _:
            pytest.skip("SQLite cannot alter a column's type")
    report = garden.verify()
    assert found(report) == [("differing_type", "base_entities", "ecs_id", None)]
    assert report.versions == 0


def test_other_collations_and_engines_are_found_on_mariadb(storages: Storages) -> None:
    storage = storages.open_url(storages.database("mariadb"), Garden)
    run_sql(
        storage,
        "ALTER TABLE plant CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        "ALTER TABLE tree MODIFY height DOUBLE NOT NULL",
        "ALTER TABLE garden MODIFY label LONGTEXT COLLATE utf8mb4_general_ci NOT NULL",
    )
    assert found(storage.verify()) == [
        ("differing_option", "plant", None, None),
        ("differing_type", "garden", "label", None),
    ]


def test_an_index_that_leaves_values_out_is_found(garden: SqlAlchemyEntityStorage) -> None:
    if database_of(garden) == "mariadb":
        pytest.skip("MariaDB has no partial indexes")
    for condition, missing in (
        ("label IS NOT NULL", []),
        ("label <> 'x'", [("missing_index", "garden", "label", None)]),
    ):
        run_sql(
            garden,
            "DROP INDEX ix_garden_label",
            f"CREATE INDEX ix_garden_label ON garden (label) WHERE {condition}",
        )
        assert found(garden.verify()) == missing


def test_missing_indexes_and_constraints_are_found(garden: SqlAlchemyEntityStorage) -> None:
    where = {"ix_base_lineage_id": "base_entities", "ix_garden_label": "garden"}
    for index, table in where.items():
        on_table = f" ON {table}" if database_of(garden) == "mariadb" else ""
        run_sql(garden, f"DROP INDEX {index}{on_table}")
    expected = [
        ("missing_index", "base_entities", "lineage_id", None),
        ("missing_index", "garden", "label", None),
    ]
    match database_of(garden):
        case "postgresql":
            run_sql(garden, "ALTER TABLE tree DROP CONSTRAINT fk_tree")
        case "mariadb":
            run_sql(garden, "ALTER TABLE tree DROP FOREIGN KEY fk_tree")
        case _:
            run_sql(
                garden,
                "DROP TABLE tree",
                "CREATE TABLE tree (id INTEGER NOT NULL, height DOUBLE NOT NULL)",
            )
            expected.append(("missing_constraint", "tree", None, None))
    expected.append(("missing_constraint", "tree", "id", None))
    assert found(garden.verify()) == in_order(expected)


def test_indexes_are_known_by_what_they_do(garden: SqlAlchemyEntityStorage) -> None:
    on_table = " ON base_entities" if database_of(garden) == "mariadb" else ""
    run_sql(
        garden,
        f"DROP INDEX ix_base_lineage_id{on_table}",
        "CREATE INDEX another_name ON base_entities (lineage_id)",
        "CREATE INDEX of_the_applications_own ON base_entities (type)",
    )
    assert garden.verify().ok


# ---------------------------------------------------------------- how it reads


def test_it_writes_nothing(garden: SqlAlchemyEntityStorage, storages: Storages) -> None:
    _, _, tree = planted(garden)
    remove(garden, tree, "tree")
    run_sql(garden, "DROP TABLE ecs_meta")
    statements: list[str] = []
    event.listen(
        garden.engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2].split()[0].upper()),
    )
    assert not garden.verify().ok
    assert statements
    assert set(statements) <= {"SELECT", "WITH", "PRAGMA", "BEGIN", "SHOW", "DESCRIBE", "SET"}
    assert not verify_database(storages.url(garden), [Garden]).ok
    with garden.engine.connect() as connection:
        assert "ecs_meta" not in inspect(connection).get_table_names()


def test_it_sees_one_state(garden: SqlAlchemyEntityStorage) -> None:
    planted(garden)
    other_progress: list[int] = []

    def write(progress: VerificationProgress) -> None:
        if progress.table == "base_entities" and not other_progress:
            other_progress.append(progress.total)
            with unchecked(garden) as connection:
                connection.exec_driver_sql("DELETE FROM tree")

    assert garden.verify(on_progress=write, batch_rows=1).ok
    assert counts(garden) == {"missing_row": 4}


def test_callbacks_may_read_and_what_they_raise_passes(garden: SqlAlchemyEntityStorage) -> None:
    damaged, plant, _ = planted(garden)
    put(garden, plant, "tags", "7")
    read: list[Any] = []
    report = garden.verify(on_finding=lambda _: read.append(garden.has_entity(damaged.ecs_id)))
    assert (report.total, read) == (1, [True])
    with pytest.raises(ZeroDivisionError):
        garden.verify(on_finding=lambda _: 1 // 0)
    assert garden.verify().total == 1


def test_inside_a_transaction_it_sees_its_writes(garden: SqlAlchemyEntityStorage) -> None:
    with garden.transaction():
        garden.register(Plant(name="new"))
        report = garden.verify()
        assert (report.ok, report.versions) == (True, 1)
    assert garden.verify().versions == 1


_END_OTHERS = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND application_name = current_setting('application_name')",
    "mariadb": "SELECT concat('KILL ', id) FROM information_schema.processlist"
    " WHERE db = database() AND id <> connection_id()",
}


@pytest.mark.parametrize("backend", _END_OTHERS)
def test_a_lost_connection_is_an_error_and_no_finding(storages: Storages, backend: str) -> None:
    storage = storages.open_url(storages.database(backend), Garden)
    planted(storage)
    ended: list[bool] = []
    told: list[Finding] = []

    def end_others(progress: VerificationProgress) -> None:
        if progress.done and not ended:
            ended.append(True)
            with storage.engine.connect() as connection:
                for (found,) in connection.exec_driver_sql(_END_OTHERS[backend]).all():
                    if backend == "mariadb":
                        connection.exec_driver_sql(found)

    with pytest.raises(StorageError):
        storage.verify(on_progress=end_others, on_finding=told.append, batch_rows=1)
    assert (ended, told) == ([True], [])
    assert storage.verify().ok


def test_a_database_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "missing.db"
    with pytest.raises(StorageUrlError):
        verify_database(f"sqlite:///{file}", [Garden])
    assert not file.exists()


def test_memory_does_not_grow_with_the_database(storages: Storages) -> None:
    def peak(storage: SqlAlchemyEntityStorage) -> int:
        storage.verify(batch_rows=200)
        gc.collect()
        tracemalloc.start()
        assert storage.verify(batch_rows=200).ok
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peaks = []
    for count in (2_000, 16_000):
        storage = storages.open_url(storages.database("sqlite"), Garden)
        for start in range(0, count, 1_000):
            storage.register_many([Plant(name=f"{start + n:06}") for n in range(1_000)])
        peaks.append(peak(storage))
    assert peaks[1] < peaks[0] * 1.2

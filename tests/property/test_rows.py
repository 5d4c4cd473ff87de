"""Law 1 by way of plain SQLAlchemy: the rows of generated classes lead to the entities that were registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from ecs_sql import SqlAlchemyEntityStorage
from ecs_sql.testing import assert_same_graph
from tests.profiles import shares_storage
from tests.property.fresh import Classes, Fresh, families, graphs
from tests.property.walking import reachable

if TYPE_CHECKING:
    from ecs_sql import Entity

pytestmark = pytest.mark.law("1 round trip")


@shares_storage
@given(classes=families, data=st.data())
def test_rows_of_generated_classes_lead_to_their_entities(
    sql_fresh: Fresh, classes: Classes, data: st.DataObject
) -> None:
    root = data.draw(graphs(classes))
    parts = {part.ecs_id: part for part in reachable(root)}
    with sql_fresh(classes) as opened:
        storage = cast("SqlAlchemyEntityStorage", opened)
        storage.register(root)
        with Session(storage.engine) as session:
            for entity_class in classes:
                row_class = storage.mapping[entity_class]
                rows = session.scalars(select(row_class).order_by(row_class.ecs_id)).all()
                expected = {
                    ecs_id
                    for ecs_id, part in parts.items()
                    if issubclass(storage.mapping[type(part)], row_class)
                }
                assert {row.ecs_id for row in rows} == expected
                for row in rows:
                    assert_same_graph(cast("Entity", row.to_entity()), parts[row.ecs_id])


@shares_storage
@given(classes=families, data=st.data())
def test_entities_of_generated_classes_are_written_through_a_session(
    sql_fresh: Fresh, classes: Classes, data: st.DataObject
) -> None:
    root = data.draw(graphs(classes, max_entities=3))
    with sql_fresh(classes) as opened:
        storage = cast("SqlAlchemyEntityStorage", opened)
        with Session(storage.engine) as session:
            session.add_all(
                [storage.mapping[type(part)].from_entity(part) for part in reachable(root)]
            )
            session.commit()
        assert_same_graph(storage.get(root.ecs_id), root)

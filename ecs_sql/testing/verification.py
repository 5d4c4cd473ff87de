"""`verify` finds nothing in what was registered, and tells how far it is."""

from __future__ import annotations

from ecs_sql.storage.verification.report import Finding, VerificationProgress
from ecs_sql.testing.models import Node, Scalars, Scene, Tag
from ecs_sql.testing.support import StorageHooks


class VerificationContract(StorageHooks):
    """What verification promises of a sound storage."""

    def test_nothing_is_found_in_what_was_registered(self) -> None:
        storage = self.make_storage([Scalars, Scene, Node, Tag])
        told: list[Finding] = []
        assert storage.verify(on_finding=told.append).versions == 0
        node = Node(name="a", children=[Node(name="b")])
        node.next = node
        scene = Scene(by_name={"a": node}, tags={Tag(label="t")})
        storage.register_many([Scalars(), scene])
        for name in ("c", "d"):
            node.children[0].name = name
            storage.register(scene)
        report = storage.verify(on_finding=told.append)
        status = storage.get_registry_status()
        assert (report.ok, report.total, report.findings, told) == (True, 0, (), [])
        assert (report.backend, report.versions) == (status.backend, status.versions)

    def test_a_history_that_is_stored_elsewhere_is_no_fault(self) -> None:
        storage = self.make_storage([Tag])
        tag = Tag(label="a")
        for _ in range(3):
            tag.fork()
        storage.register(tag)
        assert storage.verify().ok

    def test_progress_is_told_to_the_end(self) -> None:
        storage = self.make_storage([Tag])
        storage.register_many([Tag(label=str(number)) for number in range(5)])
        told: list[VerificationProgress] = []
        report = storage.verify(on_progress=told.append, batch_rows=2)
        last = {progress.table: progress for progress in told}
        assert {table: progress.done for table, progress in last.items()} == dict(report.rows)
        assert all(progress.done == progress.total for progress in last.values())

    def test_inside_a_transaction_its_writes_are_verified(self) -> None:
        storage = self.make_storage([Tag])
        with storage.transaction():
            storage.register(Tag(label="new"))
            assert storage.verify().versions == 1
        assert storage.verify().versions == 1

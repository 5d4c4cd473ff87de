from tests.contract.backends import BackendContract


class TestSqlite(BackendContract):
    backend = "sqlite"

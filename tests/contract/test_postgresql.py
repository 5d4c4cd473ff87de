from tests.contract.backends import BackendContract


class TestPostgresql(BackendContract):
    backend = "postgresql"

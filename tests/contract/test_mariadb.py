from tests.contract.backends import BackendContract


class TestMariadb(BackendContract):
    backend = "mariadb"

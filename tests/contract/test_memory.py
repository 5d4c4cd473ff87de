from tests.contract.backends import BackendContract


class TestMemory(BackendContract):
    backend = "memory"

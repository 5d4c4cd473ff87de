"""The garbage collector is paused while many objects are made, and runs again in time."""

from __future__ import annotations

import gc
import threading

from ecs_sql.storage.garbage import collection_paused


def test_a_pause_nests() -> None:
    with collection_paused:
        with collection_paused:
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    try:
        with collection_paused:
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_threads_that_take_turns_do_not_pause_it_for_ever() -> None:
    is_inside, ends = threading.Event(), threading.Event()

    def stay() -> None:
        with collection_paused:
            is_inside.set()
            ends.wait(60)

    thread = threading.Thread(target=stay)
    with collection_paused:
        thread.start()
        assert is_inside.wait(60)
    assert gc.isenabled()  # though another thread has come inside meanwhile
    ends.set()
    thread.join()
    assert gc.isenabled()

"""Ctrl-C on the command line: one line and exit code 130, wherever the interrupt lands.

An interrupt that lands in a destructor or a callback is swallowed there, by Python or by a compiled library.
So it is noted when it arrives: it is raised again where Python tells of it, and known at the end in any case.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from _thread import interrupt_main
from types import FrameType
from typing import Any, NoReturn

INTERRUPTED = 128 + signal.SIGINT
"""The exit code, as shells tell it."""
_MOMENT_SECONDS = 0.01

_arrived: list[int] = []


def watch() -> None:
    """Note interrupts from now on, unless the process was told to ignore them."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _note)
        sys.unraisablehook = _raise_again


def have_arrived() -> bool:
    """Whether there was an interrupt."""
    return bool(_arrived)


def end() -> NoReturn:
    """Say so in one line, and end at once.

    Not through `sys.exit`: an interrupt that landed while a library ran `exec` would turn the code into a
    death by SIGINT, and a second one would print a traceback.
    """
    sys.stderr.write("Interrupted\n")
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # nobody reads it
            continue
    os._exit(INTERRUPTED)


def _note(number: int, frame: FrameType | None) -> None:
    _arrived.append(number)
    signal.default_int_handler(number, frame)


def _raise_again(unraisable: Any) -> None:
    """Interrupt anew, a moment later, when what swallowed the interrupt has returned."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Timer(_MOMENT_SECONDS, interrupt_main).start()
    else:
        sys.__unraisablehook__(unraisable)

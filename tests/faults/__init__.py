"""Faults, injected for real: processes killed, connections cut, disks filled, others in the way.

`python -m tests.faults` runs these tests and prints how many faults of each kind were injected and survived on
each backend; with `--full` it injects many more.
"""

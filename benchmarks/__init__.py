"""How fast ecs_sql is, measured against code that a careful person would write by hand.

Two commands print one table each, and write it as JSON and as a plot::

    python -m benchmarks sqlite
    python -m benchmarks postgresql --url postgresql+psycopg://user@host/database

``--only W1,R2`` picks stages, ``--peers ecs_sql,floor`` peers, ``--rounds N`` the number of rounds, ``--scale 0.1``
shrinks the work for a quick look, ``--largest 3000000`` says how far S1 grows. Every store gets a database of its own
(a file in a temporary folder, or a schema that is dropped afterwards).

The rounds of all peers are interleaved in one process; the table holds medians and, in brackets, their ratio to the
**floor**: the bare driver, hand-written SQL, and construction with validation. All peers keep the same durability:
SQLite in WAL mode with ``synchronous=FULL``, PostgreSQL as the server is set.

=====  ==============================================================================================
W1     10,000 messages in one transaction
W2     a thread with 1,000 messages, stored as one graph
W3     500 transactions of one message each
R1     2,000 reads by id, type unknown: within one transaction, and without one
R1b    the same ids in one call
R2     a thread with 1,000 messages, read as one graph
R3     all 10,000 messages
V1     a thread of 200 messages; 100 times: append one and store it. Time, and bytes at the end
V1n    bytes of one more version of a thread of up to 10,000 messages and as many versions
N1     store a reloaded thread of 1,000 messages that nobody changed
D1     a chain of entities 1,000 deep: write it and read it; statements are counted
T1     500 classes of ten fields: define them, map them, make their tables, write and read one
S1     R1, V1 and single writes while the database grows
=====  ==============================================================================================

The stages stand in ``writes``, ``reads``, ``versions``, ``depth``, ``startup`` and ``growth``; the peers in ``peers``,
one module each behind one protocol.
"""

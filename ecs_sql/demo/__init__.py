"""The demonstration: the Python environment it runs in, kept as versioned entities.

`inventory` holds the entity classes, which say nothing of tables; `scan` reads the environment into
them, `report` draws tables of what happened, and `run` goes through the steps.
"""

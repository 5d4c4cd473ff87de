"""The demonstration: the Python environment it runs in, kept as versioned entities.

`inventory` holds the entity classes, `scan` reads the environment into them, `report` draws tables,
`run` goes through the steps. None of it has a line about tables, rows or SQL types.
"""

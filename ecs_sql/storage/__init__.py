"""Where versions are kept: in memory, or in a SQL database."""

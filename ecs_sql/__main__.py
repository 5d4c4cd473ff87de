"""`python -m ecs_sql`."""

from ecs_sql.cli import main

if __name__ == "__main__":
    main()

"""What a mapping becomes, told before there is a database: tables and columns, DDL, a class diagram."""

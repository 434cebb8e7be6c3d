"""Read fixes from PostgreSQL in blocks of columns (docs/reference/database.md)."""

"""Read fixes from PostgreSQL in blocks of columns (docs/database.md)."""

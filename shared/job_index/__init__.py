"""The index of jobs behind the list: a marker log, immutable segments and a manifest (docs/storage.md)."""

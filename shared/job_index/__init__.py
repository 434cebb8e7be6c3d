"""The index behind the job list: a marker log, immutable segments and a manifest (docs/concepts/storage-layout.md)."""

"""The life of a job on S3: its record, audit log, deletion, and the CSVs of its attempts (docs/job.md)."""

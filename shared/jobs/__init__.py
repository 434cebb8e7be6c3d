"""The lifecycle of a job: records, audit log, deletion, CSVs of attempts (docs/concepts/job-lifecycle.md)."""

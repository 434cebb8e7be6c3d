"""The job lifecycle on object storage: records, audit log, deletion, and the CSVs of the attempts (docs/job.md)."""

"""Pages of jobs, newest first."""

"""The function status: status, download and deletion of a job."""

"""What the functions share: errors, models, settings, HTTP, events, storage and the life of a job."""

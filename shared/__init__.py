"""Code shared by the functions: errors, models, settings, HTTP, events, storage and job lifecycle."""

"""Administration of an installation: buckets, storage users and their policies, bulk deletion, scheduled jobs."""

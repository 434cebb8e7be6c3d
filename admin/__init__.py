"""What an administrator does once for an installation: buckets, and who may do what in them."""

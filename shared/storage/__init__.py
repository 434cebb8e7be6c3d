"""Object storage: buckets, conditional writes, listings and multipart uploads. Only this package imports boto3."""

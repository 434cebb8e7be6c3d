"""Object storage: buckets with conditional writes, listings and multipart uploads, on an S3 client over urllib3."""

"""Object storage: buckets, conditional writes, listings and multipart uploads. The only importer of boto3."""

"""Label values of failed calls: the causes of Unavailable, and the operations of object storage."""

# The causes are those that fixes/connection.py, shared/storage/errors.py and shared/events.py set.
DATABASE_ERRORS = (
    *("timeout", "silent", "slow", "unexpected-frame", "unknown-host", "08001", "08006", "28P01", "28000", "3D000"),
    *("53300", "57P03", "57P01", "57014", "42501", "42P01", "42703", "55P03", "53200", "XX000"),
)
STORAGE_ERRORS = (
    *("AccessDenied", "NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"),
    *("SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "InternalError", "RequestTimeout"),
    *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "SSLError"),
    *("ProxyConnectionError", "NoSuchUpload", "500", "502", "503", "504"),
)
BROKER_ERRORS = (
    *("busy", "timeout", "NewConnectionError", "ConnectTimeoutError", "ProtocolError", "SSLError"),
    *("NameResolutionError", "status 400", "status 403", "status 404", "status 429"),
    *("status 500", "status 502", "status 503", "status 504"),
)
STORAGE_METHODS = tuple(
    f"S3/{operation}"
    for operation in (
        *("GetObject", "PutObject", "HeadObject", "DeleteObject", "DeleteObjects", "ListObjectsV2"),
        *("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload"),
        *("ListMultipartUploads", "ListParts"),
    )
)

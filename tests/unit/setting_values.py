"""Accepted and rejected values of each setting. The library that uses a setting must accept the accepted ones."""

from typing import NamedTuple

from tools.docs import settings as reference

KEY = "0123456789abcdef0123456789abcdef"


class Values(NamedTuple):
    accepted: list[str]
    rejected: list[str]


_NUMBERS = ["north", "1_000", "٣", "0x10", "NaN", "inf", "1,5", "1e999", "--1"]
_INTEGERS = [*_NUMBERS, "1e3", "5.0", "1 0", "99999999999999999999"]
_CONTROL = ["one\ntwo", "one\x7ftwo", "one\x00two", "one\udce9two"]
_URLS = [
    "http://broker",
    "http://my_broker:8080",
    "https://broker.example:443/",
    "HTTP://Broker.example",
    "http://10.0.0.1:9000",
    "http://[::1]:9000",
    "http://[2001:db8::1]",
    "http://xn--mnchen-3ya.example",
]
_INVALID_URLS = [
    "broker:8080",
    "ftp://broker",
    "http:broker",
    "http://",
    "http:///path",
    "http://:8080",
    "http://broker:",
    "http://broker:0",
    "http://broker:65536",
    "http://broker:8o80",
    "http://broker:٨٠",
    "http://user:hunter2@broker",
    "http://münchen.example",
    "http://my broker",
    "http://bro\nker",
    "http://bro\tker",
    "http://broker\\path",
    "http://one,two",
    "http://a..b",
    "http://-a",
    f"http://{'a' * 64}",
    f"http://{'a.' * 130}a",
    "http://[::1",
    "http://[::1%25eth0]",
    "http://[10.0.0.1]",
    "http://%62roker",
    "http://broker/#fragment",
    "http://broker/a b",
    "http://broker/é",
]
_BASE_URLS = Values(
    [*_URLS, "https://login.example/realms/a%20b/"], [*_INVALID_URLS, "https://issuer?x=1", "https://issuer/a?x"]
)
_S3_ENDPOINTS = Values(
    [*_URLS, "http://gateway.example/storage", "http://gateway.example/storage/"],
    [
        *_INVALID_URLS,
        "http://minio/?x=1",
        "http://minio?x=1",
        "http://minio/a%20b",
        "http://minio//a",
        "http://minio/../a",
        "http://minio.default.svc.cluster.local.:9000",
    ],
)
_BUCKETS = Values(
    ["abc", "otel-worker-jobs", "jobs.example.org", "0-9", "a" * 63],
    [
        *(
            "ab",
            "a" * 64,
            "No_Bucket",
            "JobStore",
            "jobs_1",
            "-jobs",
            "jobs-",
            ".jobs",
            "jobs.",
            "a..b",
            "a-.b",
            "a.-b",
        ),
        *("192.168.5.4", "xn--jobs", "jobs-s3alias", "jobs--x-s3", "jobs/x", "jobs x", "jöbs", "jobs\nx"),
    ],
)

VALUES: dict[str, Values] = {
    "HOME_LATITUDE": Values(["90", "-90", "+40.7", ".5", "4e1"], [*_NUMBERS, "91", "-90.1"]),
    "HOME_LONGITUDE": Values(["180", "-180", "-74.039373"], [*_NUMBERS, "181", "-180.1"]),
    "AWAY_THRESHOLD_KM": Values(["0", "0.5", "1e3"], [*_NUMBERS, "-1"]),
    "HOME_RADIUS_KM": Values(["0", "0.3", "1e3"], [*_NUMBERS, "-1"]),
    "DWELL_SECONDS": Values(["0", "180", "0.5", "86400"], [*_NUMBERS, "-1", "86400.1"]),
    "DWELL_FIXES": Values(["1", "2", "1000"], [*_INTEGERS, "0", "1001"]),
    "GAP_SECONDS": Values(["1", "1800", "86400"], [*_NUMBERS, "0.9", "86400.1"]),
    "MAX_ACCURACY_M": Values(["1e-3", "100", "1e9"], [*_NUMBERS, "0", "-1"]),
    "JUMP_SPEED_KMH": Values(["0.1", "300", "1e9"], [*_NUMBERS, "0", "-1"]),
    "DAY_TIMEZONE": Values(
        ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"],
        ["utc", "europe/berlin", "Mars/Olympus", "../UTC", "/etc/localtime", "posixrules", "Europe", "UTC\x00"],
    ),
    "DAY_COLUMN": Values(["created_at", "timestamp"], ["id; DROP TABLE locations", "Timestamp", "created at"]),
    "SUBMIT_URL": _BASE_URLS,
    "STATUS_URL": _BASE_URLS,
    "LIST_URL": _BASE_URLS,
    "MAP_TILES_URL": Values(
        [
            "https://tiles.example/{z}/{x}/{y}.png",
            "HTTP://127.0.0.1:8081/styles/basic/{z}/{x}/{y}@2x.webp",
            "https://tiles.example?x={x}&y={y}&z={z}&key=a%20b",
            "https://tiles.example/{z}/{z}-{x}-{y}",
        ],
        [
            *_INVALID_URLS,
            "https://tiles.example/",
            "https://tiles.example/{z}/{x}.png",
            "https://{x}.example/{z}/{y}.png",
            "https://{s}.tiles.example/{z}/{x}/{y}.png",
            "https://tiles.example/{z}/{x}/{y}{r}.png",
            "https://tiles.example/{z}/{x}/{-y}.png",
            "https://tiles.example/{z}/{x}/{y}.png}",
            "https://user:hunter2@tiles.example/{z}/{x}/{y}.png",
            "https://tiles.example/{z}/{x}/{y}.png#a",
            "//tiles.example/{z}/{x}/{y}.png",
        ],
    ),
    "MAP_ATTRIBUTION": Values(["© OpenStreetMap contributors", "<b>tiles</b> & more"], _CONTROL),
    "DATABASE_URL": Values(
        [
            "postgresql://u:p@db/owntracks",
            "postgres://u:p@my_db:6432/owntracks?sslmode=require",
            "postgresql://u:p%40ss%2Fword%25@db/x",
            "postgresql://u:p?#[:$ord@db/x",
            "postgresql://u:pässwörd@db/x",
            "postgresql://u:p@[::1]:5432/x",
            "postgresql://u:p@one,two/x?target_session_attrs=read-write",
            "postgresql://u:p@one:5432,two:5433/x",
            "postgresql://u:p@/x?host=/var/run/postgresql",
            "postgresql://%2Fvar%2Frun%2Fpostgresql/x?user=u",
            "host=db port=5432 user=u password='a b@/c' dbname=x",
            "hostaddr=10.0.0.1 user=u",
        ],
        [
            "nonsense",
            "mysql://u:hunter2@db/x",
            "mysql://u:hunter2@db/x?a=b",
            "POSTGRESQL://u:hunter2@db/x",
            "postgresql://u:hunter2@ss@db/x",
            "postgresql://u:hunter2@@db/x",
            "postgresql://u:hunter2/w@db/x",
            "postgresql://u:12/hunter2@db/x",
            "postgresql://u:hunter2@ss/w@db/x",
            "postgresql://u@corp:hunter2@db/x",
            "postgresql://u:hunter2%zz@db/x",
            "postgresql://u:hunter2%00@db/x",
            "postgresql://u:hunter 2@db/x",
            "postgresql://u:hunter2@db:54x/x",
            "postgresql://u:hunter2@db:65536/x",
            "postgresql://u:hunter2@one:1,two:2/x?port=1,2,3",
            "postgresql://:hunter2@db/x",
            "postgresql://db/owntracks",
            "postgresql://u:hunter2@db/x?nonsense=1",
            "postgresql://u:hunter2@db/x?sslmode=sometimes",
            "postgresql://u:hunter2@db/x?target_session_attrs=any-old",
            "postgresql://u:hunter2@[::1/x",
            "postgresql://u:hun\nter2@db/x",
            "host='db user=u password=hunter2",
            "host=db:5432 user=u password=hunter2",
            "service=nowhere-to-be-found",
            "password=hunter2",
        ],
    ),
    "POSTGRES_HOST": Values(
        ["localhost", "my_db", "db.example.", "10.0.0.1", "::1", "/var/run/postgresql"],
        [
            *("db:5432", "[::1]", "[::1]:5432", "one,two", "postgresql://u:p@db/x", "u@db", "a b", "db/x", "dé", "-db"),
            *("d\nb", "a..b", "a" * 64, "@abstract"),
        ],
    ),
    "POSTGRES_PORT": Values(["1", "5432", "65535"], [*_INTEGERS, "0", "65536", "-1", "5432,5433"]),
    "POSTGRES_DB": Values(["owntracks", "odd name", "postgresql://x", "Größe"], _CONTROL),
    "POSTGRES_USER": Values(["reader", "odd user", "user@corp", "a=b' c\\"], _CONTROL),
    "POSTGRES_PASSWORD": Values(["p", "p@ss 'w\\ord/?", "pässwörd", "", "inner  spaces"], _CONTROL),
    "AWS_ENDPOINT_URL_S3": _S3_ENDPOINTS,
    "AWS_ACCESS_KEY_ID": Values(
        ["AKIAIOSFODNN7EXAMPLE", "otel-worker_1", "a/b=c+d"], ["two words", "a,b", "ключ", "key\nid", "key\x00id"]
    ),
    "AWS_SECRET_ACCESS_KEY": Values(["wJalrXUtnFEMI/K7MDENG+bPxRfi=", "geheim ß"], _CONTROL),
    "AWS_SESSION_TOKEN": Values(["IQoJb3JpZ2luX2VjE/+=="], ["two words", "tok\nen", "ключ"]),
    "AWS_REGION": Values(
        ["us-east-1", "garage", "auto", "EU", "us-gov-west-1", "a" * 63],
        ["eu west", "eu_west", "eu.west", "eu\nwest", "-eu", "eu-", "123", "a/b", "é", "a" * 64, "eu-west-1,"],
    ),
    "S3_ADDRESSING_STYLE": Values(["path", "virtual"], ["auto", "PATH", "host"]),
    "S3_PUBLIC_ENDPOINT_URL": _S3_ENDPOINTS,
    "JOBS_BUCKET": _BUCKETS,
    "CSV_BUCKET": _BUCKETS,
    "PRESIGN_TTL_SECONDS": Values(["1", "604800"], [*_INTEGERS, "0", "604801"]),
    "JOB_RETENTION_DAYS": Values(["1", "36500"], [*_INTEGERS, "0", "36501"]),
    "CSV_RETENTION_DAYS": Values(["1", "36500"], [*_INTEGERS, "0", "36501"]),
    "GRACE_SECONDS": Values(["1", "+25", "3600"], [*_INTEGERS, "0", "3601"]),
    "K_SINK": Values(
        [
            *_URLS,
            "https://broker.example.:443/",
            "http://broker/ns/name",
            "http://broker/a%20b?x=1&y=2",
            "http://broker?x",
        ],
        _INVALID_URLS,
    ),
    "K_CE_OVERRIDES": Values(
        [
            "{}",
            '{"extensions": {"team": "home", "x1": "a b, c"}}',
            '{\n "extensions": {"team": ""}\n}',
            '{"extensions": null}',
        ],
        [
            *("{", "[]", "null", "[" * 100_000, '{"extensions": []}', '{"extensions": {"a": 1}}'),
            *(f'{{"extensions": {{"{name}": "x"}}}}' for name in ("", "a-b", "Team", "é", "a b", "a" * 21)),
            *(f'{{"extensions": {{"{name}": "x"}}}}' for name in ("id", "specversion", "time", "data", "traceparent")),
            *(f'{{"extensions": {{"team": "{text}"}}}}' for text in ("héllo", "a\\nb", "a\\u0000b", "\\ud800")),
        ],
    ),
    "HEALTH_DETAILS": Values(["True", "false", "1", "0", "yes", "OFF"], ["maybe", "2", "None", "tru e"]),
    "CORS_ORIGINS": Values(
        ["https://maps.example", "http://my_app:3000, https://maps.example:8443,", "http://[::1]:3000"],
        [
            *("*", "maps.example", "https://Maps.example", "https://maps.example/", "https://maps.example:443", ","),
            *("http://maps.example:80", "http://maps.example:0", "http://maps.example:99999", "null", "http://a b"),
        ],
    ),
    "API_KEYS": Values([KEY, f"{KEY},\n{KEY}x, "], ["short", f"{KEY},short", ",", f"{KEY}é", f"{KEY}\n{KEY}"]),
    "AUTH_ISSUER": _BASE_URLS,
    "AUTH_AUDIENCE": Values(["otel-worker", "one, two,", "api://größe"], [",", " , ", "one\ntwo"]),
    "AUTH_SCOPE": Values(["distance:read", "https://api.example/read"], ["two words", "umläut", "a\nb"]),
    "AUTH_JWKS_URL": Values([*_URLS, "https://issuer/keys?tenant=a"], _INVALID_URLS),
    "AUTH_LEEWAY_SECONDS": Values(["0", "300"], [*_INTEGERS, "-1", "301"]),
    "RATE_LIMIT_CALCULATE": Values(["1", "100000"], [*_INTEGERS, "0", "100001"]),
    "RATE_LIMIT_STATUS": Values(["1", "100000"], [*_INTEGERS, "0", "100001"]),
    "RATE_LIMIT_STORE": Values(
        [
            "redis://store:6379/0",
            "valkey://my_store",
            "rediss://user:p%40ss%2Fw@store.example:6380/2",
            "valkeys://[::1]:6379/1?protocol=3",
            "redis://:p@ss@store/0",
        ],
        [
            *("memcached://store", "store:6379", "redis://", "redis:///0", "redis://store:port", "redis://store:99999"),
            *("redis://:hunter2/x@store/0", "redis://:hunter2#x@store/0", "redis://store/zero", "redis://store/ 0"),
            *("redis://one,two/0", "redis://münchen/0", "redis://store?nonsense=1", "redis://store?protocol=9"),
            *("redis://store?socket_timeout=soon", "rediss://store?ssl_cert_reqs=maybe", "redis://st\nore"),
        ],
    ),
    "TRUSTED_PROXIES": Values(
        ["10.0.0.0/8", "10.0.0.0/8, 2001:db8::/32,", "192.0.2.1"], ["10.0.0.1/8", "proxy", ",", "10.0.0.0/33", "1.2.3"]
    ),
    "LOG_LEVEL": Values(["DEBUG", "info", "Warn", "WARNING", "error", "CRITICAL"], ["LOUD", "10", "IN FO"]),
    "SENTRY_DSN": Values(
        ["https://key@sentry.example/1", "http://key:secret@my_sentry:9000/path/42"],
        [
            *("nonsense", "https://sentry.example", "https://sentry.example/1", "https://hunter2@sentry.example"),
            *("https://hunter2@sentry.example/project", "ftp://hunter2@sentry.example/1", "https://hunter2@/1"),
            *("https://hunter2@sentry.example:port/1", "https://hunt\ner2@sentry.example/1"),
        ],
    ),
    "SENTRY_SAMPLE_RATE": Values(["0", "0.25", "1"], [*_NUMBERS, "-0.1", "1.1"]),
    "SENTRY_MAX_PER_MINUTE": Values(["1", "1000"], [*_INTEGERS, "0", "1001"]),
}

# Other settings that a setting requires.
OTHER_SETTINGS: dict[str, dict[str, str]] = {
    "AUTH_ISSUER": {"AUTH_AUDIENCE": "otel-worker"},
    **{
        name: {"AUTH_ISSUER": "https://issuer.example", "AUTH_AUDIENCE": "otel-worker"}
        for name in ("AUTH_AUDIENCE", "AUTH_SCOPE", "AUTH_JWKS_URL", "AUTH_LEEWAY_SECONDS")
    },
    "TRUSTED_PROXIES": {"RATE_LIMIT_STATUS": "7"},
}

SECRETS = reference.SECRETS

"""Unrelated and invalid environment variables and configuration files, which must not affect the commands."""

import shlex
import sys
from pathlib import Path

UMASK = 0o077
_LINES = """
# Proxies: port 9 is closed, and the two spellings of NO_PROXY differ.
no_proxy=intranet.example
NO_PROXY=elsewhere.example
http_proxy=http://127.0.0.1:9
HTTP_PROXY=http://127.0.0.1:9
https_proxy=http://127.0.0.1:9
HTTPS_PROXY=http://127.0.0.1:9
all_proxy=http://127.0.0.1:9
ALL_PROXY=http://127.0.0.1:9

# libpq
PGHOST=elsewhere.example
PGHOSTADDR=192.0.2.1
PGPORT=1
PGDATABASE=elsewhere
PGUSER=nobody
PGPASSWORD=wrong
PGPASSFILE=/nowhere/pgpass
PGDATA=/nowhere
PGSERVICE=missing
PGSERVICEFILE=/nowhere/pg_service.conf
PGAPPNAME=other
PGSSLMODE=verify-full
PGSSLROOTCERT=/nowhere/root.crt
PGREQUIREAUTH=none
PGCHANNELBINDING=require
PGGSSENCMODE=require
PGTARGETSESSIONATTRS=standby
PGOPTIONS=-c statement_timeout=1
PGCLIENTENCODING=LATIN1
PGTZ=Asia/Kathmandu
PGDATESTYLE=SQL, DMY
PGCONNECT_TIMEOUT=1

# boto3
AWS_PROFILE=missing
AWS_DEFAULT_PROFILE=missing
AWS_CA_BUNDLE=/nowhere/ca.pem
AWS_USE_FIPS_ENDPOINT=true
AWS_USE_DUALSTACK_ENDPOINT=true
AWS_ENDPOINT_URL=http://127.0.0.1:9
AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true
AWS_ACCESS_KEY_ID=elsewhere
AWS_SECRET_ACCESS_KEY=elsewhere
AWS_SESSION_TOKEN=elsewhere
AWS_REGION=eu-west-1
AWS_DEFAULT_REGION=eu-west-1
AWS_DEFAULTS_MODE=bogus
AWS_METADATA_SERVICE_TIMEOUT=x
AWS_MAX_ATTEMPTS=x
AWS_REQUEST_CHECKSUM_CALCULATION=bogus
AWS_CONFIG_FILE=/etc/passwd
AWS_SHARED_CREDENTIALS_FILE=/etc/passwd

# TLS
REQUESTS_CA_BUNDLE=/nowhere/ca
CURL_CA_BUNDLE=/nowhere/ca
SSL_CERT_FILE=/nowhere/ca
SSL_CERT_DIR=/nowhere/ca

# pip
PIP_USER=1
PIP_TARGET=/nowhere/target
PIP_PREFIX=/nowhere/prefix
PIP_ROOT=/nowhere/root
PIP_REQUIRE_VIRTUALENV=1
PIP_NO_BINARY=:all:
PIP_CONSTRAINT=/nowhere/constraints.txt
PIP_NO_DEPS=1
PIP_DRY_RUN=1
PIP_PYTHON=/nowhere/python
PIP_LOG=/nowhere/pip.log

# The interpreter
PYTHONHOME=/nowhere/python
PYTHONPATH=/nowhere/lib
PYTHONSTARTUP=/nowhere/startup.py
PYTHONOPTIMIZE=2
PYTHONWARNINGS=error
PYTHONSAFEPATH=1
PYTHONNOUSERSITE=1
PYTHONDONTWRITEBYTECODE=1
PYTHONINSPECT=1
PYTHONUSERBASE=/nowhere/user
PYTHONUTF8=0
PYTHONIOENCODING=ascii
PYTHONHASHSEED=1
PYTHONPYCACHEPREFIX=/nowhere/cache
PYTHONBREAKPOINT=nowhere.set_trace
VIRTUAL_ENV=/nowhere/venv

# Development tools, git and make
PYTEST_ADDOPTS=--maxfail=1 -k nothing
PYTEST_PLUGINS=no_such_plugin
COVERAGE_PROCESS_START=/nowhere/coveragerc
COVERAGE_FILE=/nowhere/coverage
COVERAGE_RCFILE=/nowhere/coveragerc
COVERAGE_CORE=bogus
RUFF_CONFIG=/nowhere/ruff.toml
MYPYPATH=/nowhere
MYPY_CACHE_DIR=/nowhere/mypy
YAMLLINT_CONFIG_FILE=/nowhere/yamllint
GIT_DIR=/nowhere/git
MAKEFLAGS=-j7

# The started processes
GUNICORN_CMD_ARGS=--bind 127.0.0.1:1 --workers 7 --reload
WEB_CONCURRENCY=7
FLASK_DEBUG=1
FLASK_APP=other
FLASK_ENV=development
BIND_HOST=192.0.2.1
FUNCTION_TARGET=other
FUNCTION_SOURCE=/nowhere/main.py
FUNCTION_SIGNATURE_TYPE=cloudevent
INSTANCE=other
QUEUE=/nowhere
CALCULATE_URL=http://192.0.2.1
WEED_JWT_SIGNING_KEY=secret
SUPERVISOR_ENABLED=1
SUPERVISOR_SERVER_URL=http://127.0.0.1:9
REQUEST_METHOD=GET

# OpenTelemetry: an unreachable collector, and the settings of another service
OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9
OTEL_EXPORTER_OTLP_HEADERS=key=other
OTEL_TRACES_SAMPLER=always_off
OTEL_LOGS_EXPORTER=otlp
OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=other
OTEL_SERVICE_NAME=other
OTEL_WORKER_URL=http://192.0.2.1
OTEL_WORKER_TOKEN=other
OTEL_PYTHON_CONTEXT=bogus
OTEL_PYTHON_TRACER_PROVIDER=bogus

# Shell, locale and terminal
CDPATH=/tmp:/usr
ENV=/nowhere/env
BASH_ENV=/nowhere/bash_env
POSIXLY_CORRECT=1
GREP_OPTIONS=--invert-match
LANG=C
LC_ALL=POSIX
LANGUAGE=xx
TZ=Nowhere/Odd
TERM=dumb
COLUMNS=1
LINES=1
NO_COLOR=1
FORCE_COLOR=1
"""
VARIABLES = dict(line.split("=", 1) for line in _LINES.splitlines() if line and not line.startswith("#"))
FILES = {
    ".aws/config": "this is [no configuration\n",
    ".aws/credentials": "[default]\naws_access_key_id = elsewhere\naws_secret_access_key = elsewhere\n",
    ".pgpass": "*:*:*:*:wrong\n",
    ".pg_service.conf": "[missing]\nhost=elsewhere.example\n",
    ".postgresql/root.crt": "no certificate\n",
    ".seaweedfs/security.toml": '[jwt.signing]\nkey = "elsewhere"\n[access]\nui = tr[ue\n',
    ".seaweedfs/filer.toml": "[redis2]\nenabled = true\naddress = 'elsewhere.example:1'\n",
    ".config/pip/pip.conf": "[global]\nuser = true\nno-binary = :all:\n[install]\ntarget = /nowhere\n",
    ".netrc": "machine 127.0.0.1 login elsewhere password elsewhere\n",
}


def write_home(home: Path) -> None:
    """Write the configuration files of FILES into the home directory `home`."""
    for name, text in FILES.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)


if __name__ == "__main__":  # `python -m tests.integration.hostile HOME`: print the same environment for a shell
    write_home(Path(sys.argv[1]))
    exports = [f"export {name}={shlex.quote(text)}" for name, text in VARIABLES.items()]
    sys.stdout.write("\n".join([*exports, f"export HOME={shlex.quote(sys.argv[1])}", f"umask {UMASK:03o}", ""]))

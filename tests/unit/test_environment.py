import pytest

from local import environment, options
from tests.integration.hostile import VARIABLES

PROCESS = {"PATH": "/bin", "HOME": "/home/me", "LC_CTYPE": "C.UTF-8", "TMPDIR": "/tmp"}
PROXIES = {"NO_PROXY", "no_proxy"}


def test_parts_inherit_what_a_process_needs_and_telemetry() -> None:
    telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}

    found = environment.of_parts({**PROCESS, **telemetry, "LOG_LEVEL": "DEBUG", "PORT": "1"})

    assert found == {**PROCESS, **telemetry, "PYTHONUTF8": "1", **dict.fromkeys(PROXIES, "127.0.0.1,localhost,::1")}


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_no_variable_of_another_project_reaches_a_part(name: str) -> None:
    passed_on = {
        *("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "LANG", "LC_ALL", "LANGUAGE"),
        *(name for name in VARIABLES if name.startswith(("OTEL_", "COVERAGE_"))),
    } - {"OTEL_SERVICE_NAME", *(name for name in VARIABLES if name.startswith(("OTEL_PYTHON_", "OTEL_WORKER_")))}

    found = environment.of_parts({name: VARIABLES[name]})

    assert found.keys() - PROXIES - {"PYTHONUTF8"} == {name} & passed_on


@pytest.mark.parametrize("name", sorted(name for name in VARIABLES if name.startswith(("PG", "AWS_"))))
def test_variables_of_libpq_and_boto3_reach_no_command_that_starts_its_own_stores(name: str) -> None:
    found = environment.of_command({name: VARIABLES[name]})

    assert found.get(name) == environment.NO_AWS_FILES.get(name)


def test_variables_of_boto3_count_beside_a_storage_of_the_callers() -> None:
    given = {"AWS_ENDPOINT_URL_S3": "https://s3.example", "AWS_CA_BUNDLE": "/ca.pem", "AWS_CONFIG_FILE": "/aws"}

    assert given.items() <= environment.of_command(given).items()


@pytest.mark.parametrize("database", [{"DATABASE_URL": "postgresql://there/db"}, {"POSTGRES_HOST": "there"}])
def test_variables_of_libpq_for_tls_count_beside_a_database_of_the_callers(database: dict[str, str]) -> None:
    tls = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/ca.pem"}
    given = options.read({**database, **tls, "PGHOSTADDR": "192.0.2.1", "PGOPTIONS": "-c jit=on"})

    assert tls.items() <= given.for_function("calculate").items()
    assert not {"PGHOSTADDR", "PGOPTIONS"} & given.for_function("calculate").keys()
    assert not tls.keys() & given.for_function("status").keys()
    assert not tls.keys() & given.for_all().keys()


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "a.example"}, "a.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a.example, .b.example"}, "a.example,.b.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a.example", "NO_PROXY": "b.example,a.example"}, "a.example,b.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "localhost,127.0.0.1"}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "*"}, "*"),  # Python takes it for every host only where it is alone
    ],
)
def test_hosts_without_a_proxy_are_those_of_both_spellings_and_this_machine(given: dict[str, str], hosts: str) -> None:
    found = environment.of_parts({**given, "HTTPS_PROXY": "http://proxy.example:3128"})

    assert (found["NO_PROXY"], found["no_proxy"]) == (hosts, hosts)
    assert found["HTTPS_PROXY"] == "http://proxy.example:3128"


@pytest.mark.parametrize("name", ["PORT", "DATA_DIR", "SUBSCRIBER", "K_SINK", "HOME_LATITUDE", "DAY_TIMEZONE"])
def test_documented_settings_reach_the_command(name: str) -> None:
    assert environment.of_command({name: "text"})[name] == "text"

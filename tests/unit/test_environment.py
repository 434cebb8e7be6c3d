import pytest

from local import environment, options
from tests.integration.hostile import VARIABLES

PROCESS = {"PATH": "/bin", "HOME": "/home/me", "LC_CTYPE": "C.UTF-8", "TMPDIR": "/tmp"}
PROXIES = {"NO_PROXY", "no_proxy"}


def test_components_inherit_process_and_telemetry_variables() -> None:
    telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}

    variables = environment.component_environment({**PROCESS, **telemetry, "LOG_LEVEL": "DEBUG", "PORT": "1"})

    assert variables == {**PROCESS, **telemetry, "PYTHONUTF8": "1", **dict.fromkeys(PROXIES, "127.0.0.1,localhost,::1")}


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_no_variable_of_another_project_reaches_a_component(name: str) -> None:
    inherited = {
        *("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "LANG", "LC_ALL", "LANGUAGE"),
        *(name for name in VARIABLES if name.startswith(("OTEL_", "COVERAGE_"))),
    } - {"OTEL_SERVICE_NAME", *(name for name in VARIABLES if name.startswith(("OTEL_PYTHON_", "OTEL_WORKER_")))}

    variables = environment.component_environment({name: VARIABLES[name]})

    assert variables.keys() - PROXIES - {"PYTHONUTF8"} == {name} & inherited


@pytest.mark.parametrize("name", sorted(name for name in VARIABLES if name.startswith(("PG", "AWS_"))))
def test_commands_with_embedded_stores_ignore_variables_of_libpq_and_boto3(name: str) -> None:
    variables = environment.command_environment({name: VARIABLES[name]})

    assert variables.get(name) == environment.NO_AWS_FILES.get(name)


def test_boto3_variables_apply_to_an_external_storage() -> None:
    configured = {"AWS_ENDPOINT_URL_S3": "https://s3.example", "AWS_CA_BUNDLE": "/ca.pem", "AWS_CONFIG_FILE": "/aws"}

    assert configured.items() <= environment.command_environment(configured).items()


@pytest.mark.parametrize("database", [{"DATABASE_URL": "postgresql://there/db"}, {"POSTGRES_HOST": "there"}])
def test_libpq_tls_variables_apply_to_an_external_database(database: dict[str, str]) -> None:
    tls = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/ca.pem"}
    configured = options.read({**database, **tls, "PGHOSTADDR": "192.0.2.1", "PGOPTIONS": "-c jit=on"})

    assert tls.items() <= configured.function_environment("calculate").items()
    assert not {"PGHOSTADDR", "PGOPTIONS"} & configured.function_environment("calculate").keys()
    assert not tls.keys() & configured.function_environment("status").keys()
    assert not tls.keys() & configured.common_environment().keys()


@pytest.mark.parametrize(
    ("configured", "hosts"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "a.example"}, "a.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a.example, .b.example"}, "a.example,.b.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a.example", "NO_PROXY": "b.example,a.example"}, "a.example,b.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "localhost,127.0.0.1"}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "*"}, "*"),  # Python treats it as every host only if it is the whole value
    ],
)
def test_no_proxy_combines_both_spellings_and_the_loopback_addresses(configured: dict[str, str], hosts: str) -> None:
    variables = environment.component_environment({**configured, "HTTPS_PROXY": "http://proxy.example:3128"})

    assert (variables["NO_PROXY"], variables["no_proxy"]) == (hosts, hosts)
    assert variables["HTTPS_PROXY"] == "http://proxy.example:3128"


@pytest.mark.parametrize("name", ["PORT", "DATA_DIR", "SUBSCRIBER", "K_SINK", "HOME_LATITUDE", "DAY_TIMEZONE"])
def test_documented_settings_reach_the_command(name: str) -> None:
    assert environment.command_environment({name: "text"})[name] == "text"

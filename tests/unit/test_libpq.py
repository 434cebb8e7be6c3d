import pytest
from psycopg import pq

from shared.config.database_url import connection_string
from shared.config.libpq import remove_other_variables, security_variables
from shared.config.settings import Settings

SECURITY = {"channel_binding", "require_auth", "gssencmode"}


@pytest.mark.parametrize(
    ("variable", "keyword"),
    [(option.envvar.decode(), option.keyword.decode()) for option in pq.Conninfo.get_defaults() if option.envvar],
)
def test_only_what_secures_a_connection_is_kept_of_libpqs_variables(variable: str, keyword: str) -> None:
    environ = {variable: "text", "PATH": "/bin"}
    kept = keyword.startswith("ssl") or keyword in SECURITY

    assert security_variables(environ) == ({variable: "text"} if kept else {})
    remove_other_variables(environ)
    assert environ.keys() == ({variable, "PATH"} if kept else {"PATH"})


@pytest.mark.parametrize("variable", ["PGSERVICEFILE", "PGTZ", "PGDATESTYLE", "PGGEQO", "PGSYSCONFDIR", "PGLOCALEDIR"])
def test_variables_of_sessions_and_files_are_removed(variable: str) -> None:
    environ = {variable: "text"}

    remove_other_variables(environ)

    assert environ == {}


@pytest.mark.parametrize(
    ("variable", "text"),
    [("PGSERVICE", "missing"), ("PGHOSTADDR", "nonsense"), ("PGGSSENCMODE", "require"), ("PGTARGETSESSIONATTRS", "x")],
)
def test_a_variable_of_libpq_is_no_fault_of_database_url(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    url = "postgresql://reader:secret@db:5432/owntracks"
    assert connection_string(Settings.model_validate({"DATABASE_URL": url})) == url


@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
def test_gss_encryption_may_be_required_by_the_url(mode: str) -> None:
    url = f"postgresql://reader@db/owntracks?gssencmode={mode}"
    assert connection_string(Settings.model_validate({"DATABASE_URL": url})) == url

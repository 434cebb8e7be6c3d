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
def test_only_security_variables_are_kept(variable: str, keyword: str) -> None:
    environ = {variable: "text", "PATH": "/bin"}
    is_security = keyword.startswith("ssl") or keyword in SECURITY

    assert security_variables(environ) == ({variable: "text"} if is_security else {})
    remove_other_variables(environ)
    assert environ.keys() == ({variable, "PATH"} if is_security else {"PATH"})


@pytest.mark.parametrize("variable", ["PGSERVICEFILE", "PGTZ", "PGDATESTYLE", "PGGEQO", "PGSYSCONFDIR", "PGLOCALEDIR"])
def test_variables_of_sessions_and_files_are_removed(variable: str) -> None:
    environ = {variable: "text"}

    remove_other_variables(environ)

    assert environ == {}


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PGSERVICE", "missing"), ("PGHOSTADDR", "nonsense"), ("PGGSSENCMODE", "require"), ("PGTARGETSESSIONATTRS", "x")],
)
def test_libpq_variables_do_not_affect_validation_of_database_url(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    url = "postgresql://reader:secret@db:5432/owntracks"
    assert connection_string(Settings.model_validate({"DATABASE_URL": url})) == url


@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
def test_url_may_set_gssencmode(mode: str) -> None:
    url = f"postgresql://reader@db/owntracks?gssencmode={mode}"
    assert connection_string(Settings.model_validate({"DATABASE_URL": url})) == url

"""Checks of memory, disk space and the broker."""

import socket
from pathlib import Path

import pytest

from shared.errors import CheckFailed, Unavailable
from shared.http.health_checks import check_disk_space, check_memory, check_reachable, default_checks, memory_usage


def cgroup(folder: Path, limit: str, used: int, cached: int = 0) -> Path:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {cached}\n")
    return folder


@pytest.mark.parametrize(
    ("limit", "used", "cached", "share"), [("1000", 500, 0, 0.5), ("1000", 950, 450, 0.5), ("max", 500, 0, None)]
)
def test_memory_usage_excludes_reclaimable_cache(
    tmp_path: Path, limit: str, used: int, cached: int, share: float | None
) -> None:
    assert memory_usage(cgroup(tmp_path, limit, used, cached)) == share
    check_memory(tmp_path)


def test_check_fails_near_memory_limit(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="little memory"):
        check_memory(cgroup(tmp_path, "1000", 950))


def test_memory_check_requires_cgroup_limit(tmp_path: Path) -> None:
    assert memory_usage(tmp_path) is None
    assert set(default_checks(cgroup=tmp_path)) == {"tmp"}
    checks = default_checks("http://broker", cgroup(tmp_path, "1000", 500))
    assert set(checks) == {"broker", "tmp", "memory"}
    assert not any(check.critical for check in checks.values())


def test_disk_check_fails_without_space_or_folder(tmp_path: Path) -> None:
    check_disk_space(str(tmp_path), min_free_bytes=0)
    with pytest.raises(CheckFailed, match="no such folder"):
        check_disk_space(str(tmp_path / "none"))
    with pytest.raises(CheckFailed, match="no space"):
        check_disk_space(str(tmp_path), min_free_bytes=1 << 62)


def test_broker_check_connects_to_sink() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sink = f"http://127.0.0.1:{listener.getsockname()[1]}/default/broker"
        check_reachable(sink)
    with pytest.raises(Unavailable, match="broker: ConnectionRefusedError"):
        check_reachable(sink)


@pytest.mark.parametrize(("sink", "port"), [("http://broker/a", 80), ("https://broker", 443), ("http://[::1]:81/", 81)])
def test_default_port_of_sink_depends_on_scheme(sink: str, port: int) -> None:
    ports = []

    def connect(address: tuple[str, int], _: float) -> socket.socket:
        ports.append(address[1])
        raise TimeoutError

    with pytest.raises(Unavailable, match="broker: TimeoutError"):
        check_reachable(sink, connect)
    assert ports == [port]

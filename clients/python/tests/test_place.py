"""Which daemon is meant, and starting one (specs/007, R007-395)."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from conftest import Nodes

import dstore
from dstore._place import find_place


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DSTORE_DIR", "DSTORE_SOCKET", "DSTORE_NO_START", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)


def test_the_state_directory_is_found_as_the_command_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_place().directory == f"{tmp_path}/.local/share/dstore"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert find_place().directory == f"{tmp_path}/.local/share/dstore"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert find_place().directory == "/data/dstore"
    monkeypatch.setenv("DSTORE_DIR", str(tmp_path / "d"))
    assert find_place().socket == f"{tmp_path}/d/dstore.sock"
    assert find_place("/other").directory == "/other"
    (tmp_path / "d").mkdir()
    (tmp_path / "d/config.json").write_text(json.dumps({"socket": "sub/s"}))
    assert find_place().socket == f"{tmp_path}/d/sub/s"
    monkeypatch.setenv("DSTORE_SOCKET", "/run/s")
    assert find_place().socket == "/run/s"
    assert find_place(socket="/run/t").socket == "/run/t"
    monkeypatch.delenv("DSTORE_SOCKET")
    (tmp_path / "d/config.json").write_text("{")
    with pytest.raises(dstore.UnreadableError, match=r"config\.json"):
        dstore.connect()


def test_no_daemon_is_unreachable_unless_one_may_be_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(dstore.UnreachableError, match="no daemon is running") as caught:
        dstore.connect(tmp_path / "none", start=False)
    assert caught.value.hint == "start one with `dstore start`" and caught.value.retry
    monkeypatch.setenv("DSTORE_NO_START", "1")
    with pytest.raises(dstore.UnreachableError, match="no daemon is running"):
        dstore.connect(tmp_path / "none")
    monkeypatch.delenv("DSTORE_NO_START")
    monkeypatch.setenv("DSTORE_BIN", "")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(dstore.UnreachableError, match="no `dstore` on PATH") as caught:
        dstore.connect(tmp_path / "none")
    assert "DSTORE_BIN" in str(caught.value.hint)
    assert not (tmp_path / "none").exists()


def test_connect_starts_a_daemon_once(nodes: Nodes) -> None:
    place = nodes.folder()
    with dstore.connect(place) as first:
        pid = first.status()["daemon"]["pid"]
        assert stat.S_IMODE(os.stat(place).st_mode) == 0o700
        with dstore.connect(place) as second:
            assert second.status()["daemon"]["pid"] == pid


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(dstore.DstoreError, match="file"):
        dstore.connect(tmp_path / "file")


def test_a_socket_with_a_long_path_works(nodes: Nodes) -> None:
    place = nodes.folder()
    socket = place.parent / ("long" * 40) / "s"
    socket.parent.mkdir()
    with dstore.connect(place, socket) as store:
        assert store.get(store.put(b"far down").key) == b"far down"
        assert store.status()["daemon"]["socket"] == str(socket)


def test_a_client_of_a_daemon_that_stopped(nodes: Nodes) -> None:
    place = nodes.folder()
    store = dstore.connect(place)
    key = store.put(b"kept").key
    nodes.stop(place)
    with pytest.raises(dstore.UnreachableError):
        store.get(key)
    with dstore.connect(place) as again:
        assert again.get(key) == b"kept"
        # The client of the daemon before it opens a new connection, too.
        assert store.get(key) == b"kept"
    store.close()
    with pytest.raises(ValueError, match="closed"):
        store.get(key)

"""Paths: files of values for this process to open and map (specs/007, R007-399)."""

from __future__ import annotations

import mmap
import os
import random
import stat
import subprocess
import time
from pathlib import Path
from typing import List

import pytest

import dstore


def test_a_value_has_a_read_only_file(store: dstore.Client) -> None:
    value = random.Random(1).randbytes(1_000_000)
    stored = store.put(value, name="paths/one")
    with store.open_path("paths/one") as path:
        assert (path.key, path.size, path.kind) == (stored.key, len(value), "file")
        assert Path(path).read_bytes() == value and os.fspath(path) == path.path
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o400
        with path.mmap() as mapped:
            assert mapped[1000:2000] == value[1000:2000]
            with pytest.raises(TypeError):
                mapped[0] = 1
        with path.open() as file:
            assert file.read(5) == value[:5]
        assert path.removed is None


def test_a_small_value_and_the_empty_one_have_files_too(store: dstore.Client) -> None:
    for value in (b"", b"small"):
        with store.open_path(store.put(value).key) as path:
            assert Path(path).read_bytes() == value


def test_a_map_outlives_its_hold(store: dstore.Client) -> None:
    value = random.Random(2).randbytes(300_000)
    with store.open_path(store.put(value).key) as path:
        mapped = path.mmap()
    assert mapped[:] == value
    mapped.close()


def test_a_folder_of_links_stands_for_a_directory(store: dstore.Client, tmp_path: Path) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/sub/data").write_bytes(b"d" * 20_000)
    (tmp_path / "in/run").write_text("#!/bin/sh\necho ran\n")
    (tmp_path / "in/run").chmod(0o755)
    store.put_folder(tmp_path / "in", name="paths/folder")
    with store.open_path("paths/folder") as path:
        assert path.kind == "folder" and path.size == 20_000 + 19
        assert (Path(path) / "sub/data").read_bytes() == b"d" * 20_000
        assert (Path(path) / "sub/data").is_symlink()
        assert subprocess.check_output([Path(path) / "run"]) == b"ran\n"
        with pytest.raises(IsADirectoryError):
            path.open()
    with store.open_path("paths/folder/sub/data") as path:
        assert path.kind == "file" and path.open().read() == b"d" * 20_000
    with store.open_path("paths/folder/run") as path:
        assert subprocess.check_output([path]) == b"ran\n"


def test_a_value_becomes_executable_on_request(store: dstore.Client) -> None:
    key = store.put(b"#!/bin/sh\necho from a value\n").key
    with store.open_path(key, executable=True) as path:
        assert subprocess.check_output([path]) == b"from a value\n"


def test_a_removal_ends_the_hold_and_not_the_map(store: dstore.Client) -> None:
    value = random.Random(3).randbytes(200_000)
    store.put(value, name="paths/gone")
    with store.open_path("paths/gone") as path, path.mmap() as mapped:
        assert path.removed is None
        store.remove("paths/gone")
        give_up_at = time.monotonic() + 10
        while path.removed is None:
            assert time.monotonic() < give_up_at
            time.sleep(0.01)
        assert isinstance(path.removed, dstore.RemovedError)
        assert mapped[:] == value
        assert not os.path.exists(path)
        with pytest.raises(dstore.RemovedError):
            path.open()
    with pytest.raises(dstore.NotFoundError):
        store.open_path("paths/gone")


def test_a_removal_as_the_path_is_given_says_so(
    store: dstore.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(random.Random(4).randbytes(100_000), name="paths/late")
    stat_of = os.stat

    def late(path: str) -> os.stat_result:
        monkeypatch.undo()
        store.remove("paths/late")
        return stat_of(path)

    monkeypatch.setattr(os, "stat", late)
    with pytest.raises(dstore.RemovedError):
        store.open_path("paths/late")


def test_faults_of_paths(store: dstore.Client, remote: dstore.Client) -> None:
    key = store.put(b"over tcp").key
    with pytest.raises(dstore.NotPermittedError):
        remote.open_path(key)
    with pytest.raises(dstore.NotFoundError):
        store.open_path("no/such")
    with pytest.raises(ValueError), store.open_path(store.put(b"").key) as path:
        path.mmap()


def test_many_holds_at_once(store: dstore.Client) -> None:
    keys = [store.put(str(index).encode() * 10_000).key for index in range(100)]
    held: List[dstore.OpenPath] = [store.open_path(key) for key in keys]
    maps: List[mmap.mmap] = [path.mmap() for path in held]
    for index, (path, mapped) in enumerate(zip(held, maps)):
        assert mapped[:] == str(index).encode() * 10_000
        mapped.close()
        path.close()

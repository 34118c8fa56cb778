"""Folders: keys that equal those of the command, extraction, links (specs/007, R007-398)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest
from conftest import command

import dstore

NAMES = [
    "__proto__",
    "10",
    "9",
    "é",
    "e\u0301",
    "\ufeffmark",
    "\U0001f600",
    "a\nb",
    "\\",
    "n" * 255,
]


def fill(folder: Path) -> None:
    """Every kind of entry, names that encoders get wrong, sizes around the heads of CBOR."""
    (folder / "a/b/c/d").mkdir(parents=True)
    (folder / "empty").mkdir()
    for index, size in enumerate([0, 1, 23, 24, 255, 256, 16_384, 16_385, 65_536, 300_000]):
        (folder / "a" / f"of {size}").write_bytes(bytes([index]) * size)
    for index in range(150):
        (folder / "a/b" / f"f{index}").write_text(str(index))
    for name in NAMES:
        (folder / "a/b/c" / name).write_text(name)
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("a/b")
    (folder / "a/dangling").symlink_to("nowhere")
    (folder / "a/up").symlink_to("../run.sh")


def contents(folder: Path) -> Dict[str, object]:
    found: Dict[str, object] = {}
    for base, folders, files in os.walk(folder):
        for name in folders + files:
            path = Path(base) / name
            at = str(path.relative_to(folder))
            if path.is_symlink():
                found[at] = os.readlink(path)
            elif path.is_dir():
                found[at] = None
            else:
                found[at] = (path.read_bytes(), bool(path.stat().st_mode & 0o100))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("folder") / "in"
    made.mkdir()
    fill(made)
    return made


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("over", ["socket", "tcp"])
def test_a_folder_has_the_key_that_the_command_gives(
    home: Path,
    remote: dstore.Client,
    folder: Path,
    tmp_path: Path,
    over: str,
    verify: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if verify:
        pytest.importorskip("blake3")
    monkeypatch.setattr("dstore._put_folder.BATCH_ITEMS", 100)
    monkeypatch.setattr("dstore._put_folder.KEYS_BYTES", 5000)
    name = f"folders/{over}-{verify}"
    store = remote if over == "tcp" else dstore.connect(home, verify=verify)
    seen: List[dstore.Progress] = []
    stored = store.put_folder(folder, name=name, on_progress=seen.append)
    assert stored.key == command("cid", str(folder)).stdout.decode().strip()
    assert stored.files == sum(isinstance(one, tuple) for one in contents(folder).values())
    assert seen[-1].done_bytes == seen[-1].total_bytes == stored.size
    assert store.put(folder).key == stored.key
    assert store.resolve(name) == stored.key and stored.key.kind == "directory"
    size = store.get_folder(name, tmp_path / "out")
    assert size == stored.size
    assert contents(tmp_path / "out") == contents(folder)
    assert os.listdir(tmp_path) == ["out"]


def test_what_is_below_a_name_is_read_by_its_path(store: dstore.Client, folder: Path) -> None:
    key = store.put_folder(folder, name="below/v1").key
    assert store.get("below/v1/a/b/f7") == store.get(f"{key}/a/b/f7") == b"7"
    assert store.get("below/v1/a/of 300000", start=1, end=4) == bytes([9]) * 3
    assert store.get(f"{key}/a/b/c/\U0001f600") == "\U0001f600".encode()
    assert store.stat("below/v1/a/of 256").size == 256
    assert store.stat("below/v1").files == store.stat(key).files
    with store.open("below/v1/a/of 65536") as file:
        assert file.read() == bytes([8]) * 65_536
    assert not store.exists("below/v1/nothing")
    entries = {entry.name: entry for entry in store.entries("below/v1")}
    assert list(entries) == ["a", "empty", "link", "run.sh"]
    assert entries["run.sh"].executable and entries["link"].target == "a/b"
    assert entries["a"].type == "directory" and entries["a"].key == store.resolve("below/v1/a")
    for word in ("below/v1", key):
        with pytest.raises(dstore.UsageError, match="directory"):
            store.get(word)
    with pytest.raises(dstore.UsageError, match="symbolic link"):
        store.get("below/v1/link")
    with pytest.raises(dstore.UsageError):
        store.entries("below/v1/run.sh")


def test_links_that_leave_are_refused_or_followed(store: dstore.Client, tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "in"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep/file").write_text("out there")
    (outside / "back").symlink_to("deep/file")
    inside.mkdir()
    for target in ("../outside", str(outside), "../in/x", "x/../../in"):
        (inside / "l").symlink_to(target)
        with pytest.raises(dstore.UsageError, match="leaves the folder"):
            store.put_folder(inside)
        (inside / "l").unlink()
    (inside / "hop").symlink_to("/")
    (inside / "l").symlink_to("hop/etc")
    with pytest.raises(dstore.UsageError, match="leaves the folder"):
        store.put_folder(inside)
    (inside / "hop").unlink()
    (inside / "l").unlink()
    for stays in ("x", "./x/../y", "circle"):
        (inside / "circle").symlink_to(stays)
        assert store.put_folder(inside).key == command("cid", str(inside)).stdout.decode().strip()
        (inside / "circle").unlink()
    (inside / "out").symlink_to("../outside")
    key = store.put_folder(inside, follow=True).key
    assert key == command("cid", "--follow", str(inside)).stdout.decode().strip()
    assert store.get(f"{key}/out/deep/file") == b"out there"
    (inside / "hop").symlink_to(outside)
    (inside / "through").symlink_to("hop/deep/file")
    key = store.put_folder(inside, follow=True).key
    assert key == command("cid", "--follow", str(inside)).stdout.decode().strip()
    (inside / "self").symlink_to("../in")
    with pytest.raises(dstore.UsageError, match="a folder that it is in"):
        store.put_folder(inside, follow=True)


def test_what_no_directory_has_is_refused(store: dstore.Client, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(dstore.UsageError, match="pipe"):
        store.put_folder(tmp_path)
    os.unlink(tmp_path / "pipe")
    with open(os.path.join(os.fsencode(tmp_path), b"\xff"), "wb"):
        pass
    with pytest.raises(dstore.UsageError, match="not UTF-8"):
        store.put_folder(tmp_path)
    with pytest.raises(dstore.UnreadableError):
        store.put_folder(tmp_path / "missing")


def test_a_folder_is_written_whole_or_not_at_all(
    store: dstore.Client, folder: Path, tmp_path: Path
) -> None:
    key = store.put_folder(folder).key
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    (tmp_path / "file").touch()
    fetched: List[dstore.Progress] = []
    for taken in ("full", "file"):
        with pytest.raises(dstore.UnwritableError):
            store.get_folder(key, tmp_path / taken, on_progress=fetched.append)
    assert fetched == []
    (tmp_path / "empty").mkdir(mode=0o710)
    store.get_folder(key, tmp_path / "empty")
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o710

    def stop(progress: dstore.Progress) -> None:
        if progress.done_bytes > 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.get_folder(key, tmp_path / "stopped", on_progress=stop)
    with pytest.raises(dstore.UsageError):
        store.get_folder(f"{key}/run.sh", tmp_path / "stopped")
    assert sorted(os.listdir(tmp_path)) == ["empty", "file", "full"]


def test_the_folder_of_a_killed_extraction_is_removed(
    store: dstore.Client, home: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for index in range(200):
        (source / f"{index}").write_bytes(random.Random(index).randbytes(10))
    key = store.put_folder(source).key
    code = (
        f"import dstore, os, signal\n"
        f"def kill(_): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"dstore.connect({str(home)!r}).get_folder({str(key)!r}, {str(tmp_path / 'out')!r},"
        f" on_progress=kill)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    left = [name for name in os.listdir(tmp_path) if name.startswith(".dstore-python-")]
    assert len(left) == 1
    other = tmp_path / ".dstore-python-other.part"
    other.write_text("not a folder")
    store.get_folder(key, tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == [other.name, "out", "source"]


def test_extractions_side_by_side_leave_each_other_alone(
    store: dstore.Client, folder: Path, tmp_path: Path
) -> None:
    key = store.put_folder(folder).key
    begun: List[int] = []

    def begin_another(_: dstore.Progress) -> None:
        if not begun:
            begun.append(1)
            store.get_folder(key, tmp_path / "second")

    store.get_folder(key, tmp_path / "first", on_progress=begin_another)
    assert contents(tmp_path / "first") == contents(tmp_path / "second") == contents(folder)
    assert sorted(os.listdir(tmp_path)) == ["first", "second"]


def test_a_directory_that_lost_a_child_meanwhile_is_sent_again(
    store: dstore.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dstore._put_folder import FolderPut

    (tmp_path / "in").mkdir()
    (tmp_path / "in/file").write_text("the child that goes")
    make, made = FolderPut._make_directories, []

    def lose(self: FolderPut, levels: object) -> int:
        made.append(1)
        if len(made) == 1:
            key = command("cid", str(tmp_path / "in/file")).stdout.decode().strip()
            store.remove(key, force=True)
        return make(self, levels)  # type: ignore[arg-type]

    monkeypatch.setattr(FolderPut, "_make_directories", lose)
    key = store.put_folder(tmp_path / "in").key
    assert len(made) == 2
    assert store.get(f"{key}/file") == b"the child that goes"

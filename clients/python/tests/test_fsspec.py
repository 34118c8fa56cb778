"""``dstore://``: fsspec's conformance tests, and what is particular (specs/007, R007-399)."""

from __future__ import annotations

import itertools
import os
import pickle
from pathlib import Path
from typing import Iterator

import pytest
from conftest import INSTALLED

import dstore

fsspec = pytest.importorskip("fsspec")

import fsspec.tests.abstract as abstract  # noqa: E402

from dstore.filesystem import DstoreFileSystem  # noqa: E402

NUMBERS = itertools.count()


class Fixtures(abstract.AbstractFixtures):  # type: ignore[misc]
    @pytest.fixture
    def fs(self, home: Path) -> DstoreFileSystem:
        return DstoreFileSystem(dir=str(home), skip_instance_cache=True)

    @pytest.fixture
    def fs_path(self) -> str:
        # The names of tests have characters of globs.
        return f"fsspec/{next(NUMBERS)}"

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False


class TestCopy(Fixtures, abstract.AbstractCopyTests):  # type: ignore[misc]
    pass


class TestGet(Fixtures, abstract.AbstractGetTests):  # type: ignore[misc]
    pass


class TestPut(Fixtures, abstract.AbstractPutTests):  # type: ignore[misc]
    pass


class TestPipe(Fixtures, abstract.AbstractPipeTests):  # type: ignore[misc]
    pass


class TestOpen(Fixtures, abstract.AbstractOpenTests):  # type: ignore[misc]
    pass


@pytest.fixture
def fs(home: Path) -> Iterator[DstoreFileSystem]:
    yield DstoreFileSystem(dir=str(home))


@pytest.mark.skipif(INSTALLED is None, reason="the package is not installed")
def test_the_package_registers_its_file_system() -> None:
    assert fsspec.get_filesystem_class("dstore") is DstoreFileSystem
    assert [(one.group, one.name) for one in INSTALLED] == [("fsspec.specs", "dstore")]


def test_urls_find_the_file_system(home: Path, store: dstore.Client) -> None:
    store.put(b"by url", name="url/one", tag=True)
    with fsspec.open("dstore://url/one", dir=str(home)) as file:
        assert file.read() == b"by url"
    found, path = fsspec.core.url_to_fs("dstore://url/one", dir=str(home))
    assert isinstance(found, DstoreFileSystem) and path == "url/one"
    with fsspec.open("dstore://url/text", "wt", dir=str(home)) as file:
        file.write("zeilen\nümlaut\n")
    assert store.get("url/text") == "zeilen\nümlaut\n".encode()


def test_directories_are_folders(
    fs: DstoreFileSystem, store: dstore.Client, tmp_path: Path
) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/sub/x").write_bytes(b"0123456789")
    (tmp_path / "in/l").symlink_to("sub/x")
    key = store.put_folder(tmp_path / "in", name="tree/v1", tag=True).key
    assert fs.ls("tree", detail=False) == ["tree/v1"]
    assert fs.ls("tree/v1", detail=False) == ["tree/v1/l", "tree/v1/sub"]
    assert fs.find("tree") == ["tree/v1/l", "tree/v1/sub/x"]
    assert fs.info("tree/v1/sub/x")["size"] == 10
    assert fs.info("tree/v1/l")["type"] == "link"
    assert fs.info("tree/v1/l")["destination"] == "sub/x"
    fs.get("tree/v1", str(tmp_path / "out"), recursive=True)
    # Again, in the place of what is there, and not where the link leads.
    fs.get("tree/v1/l", str(tmp_path / "out/l"))
    assert os.readlink(tmp_path / "out/l") == "sub/x"
    assert (tmp_path / "out/l").read_bytes() == b"0123456789"
    assert sorted(os.listdir(tmp_path / "out")) == ["l", "sub"]
    assert fs.isdir("tree") and fs.isdir("tree/v1") and not fs.isdir("tree/v1/sub/x")
    assert fs.cat(f"dstore://{key}/sub/x") == b"0123456789"
    assert fs.cat_file("tree/v1/sub/x", -4, -1) == b"678"
    assert fs.cat_file("tree/v1/sub/x", 8, 100) == b"89"
    assert fs.cat_ranges(["tree/v1/sub/x"] * 2, [0, 5], [2, 7]) == [b"01", b"56"]
    with pytest.raises(IsADirectoryError):
        fs.open("tree/v1/sub")
    with pytest.raises(PermissionError, match="never changes"):
        fs.rm_file("tree/v1/sub/x")
    fs.rm("tree", recursive=True)
    assert not fs.exists("tree")


def test_a_file_keeps_to_one_value(fs: DstoreFileSystem, store: dstore.Client) -> None:
    value = os.urandom(3_000_000)
    store.put(value, name="moving/one", tag=True)
    with fs.open("moving/one", block_size=65_536) as file:
        assert file.read(10) == value[:10]
        store.put(b"other", name="moving/one", tag=True)
        file.seek(2_000_000)
        assert file.read(10) == value[2_000_000:2_000_010]
        assert file.size == len(value)
    assert fs.cat("moving/one") == b"other"


def test_a_write_that_fails_stores_nothing(fs: DstoreFileSystem) -> None:
    with pytest.raises(RuntimeError), fs.open("written/half", "wb") as file:
        file.write(b"half")
        raise RuntimeError
    assert not fs.exists("written/half")
    with pytest.raises(NotImplementedError):
        fs.open("written/half", "ab")
    with fs.transaction:
        with fs.open("written/later", "wb") as file:
            file.write(b"x")
        assert not fs.exists("written/later")
    assert fs.cat("written/later") == b"x"


def test_fixed_names_are_written_once(home: Path, fs: DstoreFileSystem) -> None:
    fixed = DstoreFileSystem(dir=str(home), kind="fixed")
    fixed.pipe_file("once/one", b"first")
    with pytest.raises(FileExistsError):
        fixed.pipe_file("once/one", b"second")
    with pytest.raises(FileExistsError):
        fs.pipe_file("once/one", b"second")
    fixed.cp_file("once/one", "once/two")
    assert fs.ukey("once/two") == fs.ukey("once/one")
    assert fs.checksum("once/two") == fs.checksum("once/one")
    assert fs.modified("once/two") >= fs.created("once/one")


def test_a_file_system_goes_to_another_process(fs: DstoreFileSystem) -> None:
    fs.pipe("pickled/one", b"p")
    assert pickle.loads(pickle.dumps(fs)).cat("pickled/one") == b"p"


def test_faults_have_the_errors_of_files(fs: DstoreFileSystem) -> None:
    for call in (fs.cat_file, fs.info, fs.open, fs.ls, fs.rm, fs.created):
        with pytest.raises(FileNotFoundError):
            call("no/such/file")

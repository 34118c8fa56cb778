"""A token of a role and a prefix, over TCP (specs/007, R007-325 to R007-335)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import pytest
from conftest import command

import dstore


@pytest.fixture(scope="module")
def url(store: dstore.Client) -> str:
    found: str = store.status()["daemon"]["http"]["url"]
    return found


@pytest.fixture(scope="module")
def team(home: Path, url: str) -> Iterator[dstore.Client]:
    """A writer below `team/`."""
    flags = ["--role", "writer", "--prefix", "team/", "--dir", str(home)]
    token = command("token", "add", *flags).stdout.decode().strip()
    with dstore.connect(url=url, token=token) as client:
        yield client


def test_a_prefix_is_a_store_of_its_own(team: dstore.Client, store: dstore.Client) -> None:
    store.put(b"elsewhere", name="elsewhere/one")
    key = team.put(b"x" * 100_000, name="team/one").key
    assert team.get("team/one") == team.get(key) == b"x" * 100_000
    assert team.get("team/one", start=5, end=7) == b"xx"
    with team.open("team/one") as file:
        file.seek(99_990)
        assert file.read() == b"x" * 10
    assert team.stat("team/one").names == ("team/one",)
    team.put(b"1", name="team/tag", tag=True)
    assert team.put(b"2", name="team/tag", tag=True).previous is not None
    assert [one.name for one in team.names()] == ["team/one", "team/tag"]
    for refused in (
        lambda: team.get("elsewhere/one"),
        lambda: team.put(b"no name"),
        lambda: team.put(b"y", name="elsewhere/two"),
        lambda: team.remove("team/one"),
        lambda: team.status(),
    ):
        with pytest.raises(dstore.NotPermittedError):
            refused()


def test_folders_below_a_prefix(team: dstore.Client, tmp_path: Path) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/sub/x").write_bytes(b"x" * 50_000)
    (tmp_path / "in/y").write_bytes(b"y")
    stored = team.put_folder(tmp_path / "in", name="team/folder")
    assert stored.key == command("cid", str(tmp_path / "in")).stdout.decode().strip()
    assert team.get("team/folder/sub/x") == b"x" * 50_000
    with team.open("team/folder/sub/x") as file:
        assert file.read() == b"x" * 50_000
    assert team.get_file("team/folder/sub/x", tmp_path / "x") == 50_000
    assert team.get_folder("team/folder", tmp_path / "out") == 50_001
    assert (tmp_path / "out/sub/x").read_bytes() == b"x" * 50_000
    assert sorted(os.listdir(tmp_path)) == ["in", "out", "x"]


def test_without_a_valid_token_nothing_is_given(url: str) -> None:
    with dstore.connect(url=url, token="0" * 64) as client:
        with pytest.raises(dstore.NotPermittedError):
            client.get("elsewhere/one")
        with pytest.raises(dstore.NotPermittedError):
            client.put(b"x" * 3_000_000)
    for wrong in ("localhost:4481", "http://h/path", "ftp://h:1"):
        with pytest.raises(ValueError, match="url must be"):
            dstore.connect(url=wrong)
    with pytest.raises(ValueError, match="either"):
        dstore.connect("dir", url=url)
    for odd in ("secret\n", "sec ret", "", "secret\u00e9"):
        with pytest.raises(ValueError, match="token has") as found:
            dstore.connect(url=url, token=odd)
        assert "sec" not in str(found.value) and found.value.__cause__ is None
    with pytest.raises(dstore.UnreachableError):
        dstore.connect(url="http://127.0.0.1:1", token="x")

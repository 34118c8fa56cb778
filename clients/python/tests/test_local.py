"""A Local: values that come from Global, and files of its cache (specs/007, R007-399)."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Iterator, List

import pytest
from conftest import Nodes, command

import dstore


@pytest.fixture(scope="module")
def origin(nodes: Nodes) -> Iterator[dstore.Client]:
    """A client of a Global."""
    with dstore.connect(nodes.start("--global")) as client:
        yield client


@pytest.fixture(scope="module")
def local(nodes: Nodes, origin: dstore.Client) -> Iterator[dstore.Client]:
    """A client of a Local of that Global, with a folder for files."""
    place = nodes.folder()
    place_of_origin = origin.status()["daemon"]["directory"]
    ticket = command("invite", "--dir", place_of_origin).stdout.decode().strip()
    folder = str(place.parent / "cached")
    flags = ["--cache", "8MiB", "--cache-dir", folder, "--cache-dir-size", "64MiB"]
    command("join", "-", "--dir", str(place), *flags, input=ticket.encode())
    with dstore.connect(place, timeout=60) as client:
        yield client


def test_a_path_at_a_local_is_fetched_first(local: dstore.Client, origin: dstore.Client) -> None:
    value = random.Random(1).randbytes(5_000_000)
    key = origin.put(value, name="far/one").key
    seen: List[dstore.Progress] = []
    with local.open_path("far/one", on_progress=seen.append) as path:
        assert path.key == key and Path(path).read_bytes() == value
        with local.open_path(key) as again:
            assert again.path == path.path
    assert local.stat(key).held_bytes == len(value)


def test_a_value_larger_than_memory_is_read_at_a_local(
    local: dstore.Client, origin: dstore.Client
) -> None:
    value = random.Random(2).randbytes(20_000_000)
    key = origin.put(value).key
    for _ in range(2):
        assert local.get(key) == value
    assert local.get(key, start=7_000_000, end=7_000_010) == value[7_000_000:7_000_010]


def test_a_removal_at_global_ends_a_hold_at_a_local(
    local: dstore.Client, origin: dstore.Client
) -> None:
    value = random.Random(3).randbytes(1_000_000)
    origin.put(value, name="far/gone")
    with local.open_path("far/gone") as path, path.mmap() as mapped:
        removal = origin.remove("far/gone")
        assert removal.owed == () and len(removal.acknowledged) == 1
        assert not Path(path).exists()
        give_up_at = time.monotonic() + 10
        while path.removed is None:
            assert time.monotonic() < give_up_at
            time.sleep(0.01)
        assert isinstance(path.removed, dstore.RemovedError)
        assert mapped[:] == value
    with pytest.raises(dstore.NotFoundError):
        local.get("far/gone")


def test_what_has_no_room_is_refused(local: dstore.Client, origin: dstore.Client) -> None:
    key = origin.put(bytes(80_000_000)).key
    with pytest.raises(dstore.NoSpaceError):
        local.open_path(key)
    assert local.get(key, last=3) == bytes(3)


def test_a_value_put_at_a_local_is_at_global(local: dstore.Client, origin: dstore.Client) -> None:
    key = local.put(b"from a local" * 10_000, name="near/one").key
    assert origin.get("near/one") == b"from a local" * 10_000
    assert local.prefetch(key) == key

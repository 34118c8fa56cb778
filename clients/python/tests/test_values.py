"""Values: putting, getting, ranges, files (specs/007, R007-396 to R007-398)."""

from __future__ import annotations

import io
import os
import random
import threading
from pathlib import Path
from typing import Iterator, List

import pytest

import dstore

EMPTY = "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi"


def bytes_of(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture(params=["socket", "tcp"])
def any_store(
    request: pytest.FixtureRequest, store: dstore.Client, remote: dstore.Client
) -> dstore.Client:
    return store if request.param == "socket" else remote


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 3_000_001])
def test_bytes_come_back_whole(any_store: dstore.Client, size: int) -> None:
    value = bytes_of(size)
    stored = any_store.put(value)
    assert stored.size == size
    assert any_store.get(stored.key) == value
    assert b"".join(any_store.stream(stored.key)) == value
    assert any_store.put(value).existed


def test_the_empty_value_has_the_key_of_the_specification(store: dstore.Client) -> None:
    assert store.put(b"").key == EMPTY


def test_a_value_comes_in_parts_from_an_iterator_or_a_file(any_store: dstore.Client) -> None:
    parts = [bytes_of(300_000, seed) for seed in range(5)]
    whole = b"".join(parts)
    key = any_store.put(whole).key
    assert any_store.put(iter(parts)).key == key
    assert any_store.put(part for part in [b"", *parts, b""]).key == key
    assert any_store.put(io.BytesIO(whole)).key == key
    assert any_store.put(memoryview(bytearray(whole))).key == key


def test_an_iterator_that_fails_stores_nothing(store: dstore.Client) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise OSError("the source broke")

    with pytest.raises(OSError, match="the source broke"):
        store.put(broken(), name="broken/one")
    assert not store.exists("broken/one")
    assert store.get(store.put(b"after it").key) == b"after it"


def test_text_is_refused_for_it_may_mean_a_path(store: dstore.Client) -> None:
    with pytest.raises(TypeError, match="encode it"):
        store.put("text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="int"):
        store.put([1, 2])  # type: ignore[list-item]
    for nothing in (None, 5):
        with pytest.raises(TypeError, match=r"source must be bytes.* not (NoneType|int)"):
            store.put(nothing)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="opened as text"):
        store.put(io.StringIO("text"))  # type: ignore[arg-type]


def test_a_time_that_is_none_is_refused_by_every_call(store: dstore.Client) -> None:
    key = store.put(b"timed").key
    for seconds in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="timeout must be"):
            store.get(key, timeout=seconds)
        with pytest.raises(ValueError, match="timeout must be"):
            store.put(b"timed", timeout=seconds)


def test_ranges_are_those_of_python(any_store: dstore.Client) -> None:
    value = bytes_of(200_000)
    key = any_store.put(value).key
    assert any_store.get(key, start=5, end=9) == value[5:9]
    assert any_store.get(key, start=199_990) == value[199_990:]
    assert any_store.get(key, end=3) == value[:3]
    assert any_store.get(key, last=7) == value[-7:]
    assert any_store.get(key, start=199_999, end=500_000) == value[-1:]
    with pytest.raises(dstore.RangeError):
        any_store.get(key, start=200_000)
    with pytest.raises(dstore.RangeError):
        any_store.get(any_store.put(b"").key, start=0, end=1)
    for bad in ({"start": 3, "end": 3}, {"start": -1}, {"last": 1, "end": 2}):
        with pytest.raises(ValueError):
            any_store.get(key, **bad)


def test_what_does_not_exist_is_not_found(any_store: dstore.Client) -> None:
    with pytest.raises(dstore.NotFoundError) as caught:
        any_store.get("no/such/name")
    assert caught.value.code == "not-found"
    assert isinstance(caught.value, LookupError)
    with pytest.raises(dstore.NotFoundError):
        any_store.get("f" * 64)
    with pytest.raises(dstore.UsageError):
        any_store.get("")
    assert not any_store.exists("no/such/name")
    assert any_store.exists(EMPTY) == any_store.exists(EMPTY)


def test_files_go_both_ways(any_store: dstore.Client, tmp_path: Path) -> None:
    value = bytes_of(2_500_000, 7)
    (tmp_path / "in").write_bytes(value)
    seen: List[dstore.Progress] = []
    stored = any_store.put_file(tmp_path / "in", on_progress=seen.append)
    assert any_store.put(tmp_path / "in").key == stored.key
    assert seen and seen[-1].done_bytes == seen[-1].total_bytes == len(value)
    (tmp_path / "out").write_bytes(b"before")
    assert any_store.get_file(stored.key, tmp_path / "out") == len(value)
    assert (tmp_path / "out").read_bytes() == value
    assert sorted(os.listdir(tmp_path)) == ["in", "out"]


def test_a_file_that_is_none_is_unreadable(store: dstore.Client, tmp_path: Path) -> None:
    with pytest.raises(dstore.UnreadableError):
        store.put_file(tmp_path / "missing")
    with pytest.raises(dstore.UnreadableError):
        store.put_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(dstore.UnreadableError, match="not a regular file"):
        store.put_file(tmp_path / "pipe")
    with pytest.raises(dstore.UnwritableError):
        store.get_file(store.put(b"x").key, tmp_path / "no" / "folder")
    with pytest.raises(dstore.NotFoundError):
        store.get_file("no/such", tmp_path / "out")
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_file_that_changes_is_not_stored(remote: dstore.Client, tmp_path: Path) -> None:
    path = tmp_path / "grows"
    path.write_bytes(b"a" * 3_000_000)

    def change(_: dstore.Progress) -> None:
        with open(path, "r+b") as file:
            file.write(b"b")
        os.utime(path, ns=(1, 1))

    with pytest.raises(dstore.ChangedError):
        remote.put_file(path, name="changed/one", on_progress=change)
    assert not remote.exists("changed/one")


def test_a_value_is_like_a_file(any_store: dstore.Client) -> None:
    value = bytes_of(1_000_003, 3)
    key = any_store.put(value).key
    with any_store.open(key) as file:
        assert (file.size, file.name) == (len(value), key)
        assert file.read(10) == value[:10]
        assert file.seek(-3, os.SEEK_END) == len(value) - 3
        assert file.read() == value[-3:]
        assert file.read(1) == b""
        assert file.seek(500_000) == file.tell() == 500_000
        assert file.read(100_000) == value[500_000:600_000]
        file.seek(0)
        assert file.read() == value
        file.seek(2 * len(value))
        assert file.read(5) == b""
        with pytest.raises(ValueError):
            file.seek(-1)
    with pytest.raises(ValueError):
        file.read(1)


def test_random_reads_of_a_file_equal_those_of_bytes(store: dstore.Client) -> None:
    value = bytes_of(700_000, 4)
    rng = random.Random(5)
    with store.open(store.put(value).key) as file, io.BufferedReader(file, 4096) as buffered:
        for _ in range(200):
            at, length = rng.randrange(len(value) + 10), rng.choice([1, 100, 5000, 90_000])
            buffered.seek(at)
            assert buffered.read(length) == value[at : at + length]


def test_a_key_is_text_in_one_spelling(store: dstore.Client) -> None:
    key = store.put(b"spelled").key
    assert isinstance(key, str) and dstore.Key(key.hex) == key == dstore.Key(key.upper())
    assert dstore.Key("f01551e20" + key.hex) == key
    assert key.kind == "bytes" and len(key.digest) == 32
    assert store.get(key.hex) == b"spelled"
    for bad in ("", "x", key[:-1], key + "a", key[:-1] + "b", "bafybeib" + key[8:], "zz" * 32):
        with pytest.raises(dstore.MalformedKeyError):
            dstore.Key(bad)


def test_threads_share_a_client(store: dstore.Client) -> None:
    failures: List[BaseException] = []

    def work(seed: int) -> None:
        try:
            for turn in range(20):
                value = bytes_of(50_000, seed * 100 + turn)
                assert store.get(store.put(value).key) == value
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failures == []


def test_a_forked_child_has_connections_of_its_own(store: dstore.Client) -> None:
    key = store.put(bytes_of(400_000, 9)).key
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for _ in range(10):
                    assert store.get(key) == bytes_of(400_000, 9)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    for _ in range(10):
        assert len(store.get(key)) == 400_000
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4


def test_a_reader_that_leaves_early_costs_the_next_call_nothing(store: dstore.Client) -> None:
    key = store.put(bytes_of(5_000_000, 11)).key
    for _ in range(3):
        assert len(next(iter(store.stream(key)))) > 0
    assert store.get(key, last=2) == bytes_of(5_000_000, 11)[-2:]

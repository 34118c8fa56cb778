"""A daemon that misbehaves, written for each test (specs/007, R007-396)."""

from __future__ import annotations

import json
import os
import socket
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest

import dstore
from dstore._http import Address, Http

Script = Callable[["Peer"], None]
VALUE = b"0123456789" * 1000
KEY = dstore.Key("bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi")


class Peer:
    """The daemon's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file = sock.makefile("rb")

    def head(self) -> Tuple[str, dict]:
        """The request line and the headers of the next request."""
        line = self.file.readline().decode().strip()
        headers = {}
        while True:
            name, _, value = self.file.readline().decode().partition(":")
            if not name.strip():
                return line, headers
            headers[name.lower()] = value.strip()

    def request(self) -> Tuple[str, bytes]:
        """The next request with its body."""
        line, headers = self.head()
        return line, self.file.read(int(headers.get("content-length", 0)))

    def send(self, text: str, body: bytes = b"") -> None:
        self.sock.sendall(text.replace("\n", "\r\n").encode() + body)

    def json(self, document: Any, status: str = "200 OK", line_end: bool = False) -> None:
        body = json.dumps(document).encode() + (b"\n" if line_end else b"")
        self.send(f"HTTP/1.1 {status}\nContent-Length: {len(body)}\n\n", body)

    def value(self, body: bytes, size: int = -1, end: bytes = b"0\r\n\r\n") -> None:
        size = len(body) if size < 0 else size
        self.send(
            f"HTTP/1.1 200 OK\nDstore-Key: {KEY}\nDstore-Size: {size}\n"
            "Trailer: dstore-problem\nTransfer-Encoding: chunked\n\n",
            b"%x\r\n" % len(body) + body + b"\r\n" + end,
        )


class Daemon:
    def __init__(self, path: str) -> None:
        self.path = path
        self.accepted = 0
        self.failures: List[BaseException] = []
        self._scripts: List[Script] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def expect(self, *scripts: Script) -> None:
        """What it does with the next connections. A connection ends with its script."""
        self._scripts.extend(scripts)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            script = self._scripts.pop(0) if self._scripts else _nothing
            threading.Thread(target=self._serve, args=(sock, script), daemon=True).start()

    def _serve(self, sock: socket.socket, script: Script) -> None:
        peer = Peer(sock)
        try:
            script(peer)
        except (BrokenPipeError, ConnectionResetError):
            pass
        except BaseException as error:
            self.failures.append(error)
        finally:
            peer.file.close()
            sock.close()

    def close(self) -> None:
        self._listener.close()


def _nothing(_: Peer) -> None:
    pass


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(str(tmp_path / "s"))
    yield made
    made.close()
    assert made.failures == []


def client(daemon: Daemon, timeout: float = 20, verify: bool = False) -> dstore.Client:
    return dstore.Client(Http(Address(unix=daemon.path), timeout), verify=verify)


def test_interim_responses_come_before_the_answer_and_amid_a_body(daemon: Daemon) -> None:
    def put(peer: Peer) -> None:
        _, headers = peer.head()
        assert headers["dstore-beat"] == "102"
        peer.send("HTTP/1.1 102 Processing\n\n")
        half = int(headers["content-length"]) // 2
        first = peer.file.read(half)
        peer.send("HTTP/1.1 102 Processing\n\nHTTP/1.1 102 Processing\n\n")
        whole = first + peer.file.read(int(headers["content-length"]) - half)
        assert whole == VALUE * 1000
        peer.send("HTTP/1.1 102 Processing\n\n")
        peer.json({"key": KEY, "size": len(whole), "existed": False}, "201 Created")

    daemon.expect(put)
    assert client(daemon).put(VALUE * 1000).size == len(VALUE) * 1000


def test_a_refusal_reaches_a_client_that_still_sends(daemon: Daemon) -> None:
    done = [threading.Event(), threading.Event()]

    def refuse(peer: Peer) -> None:
        peer.head()
        peer.json({"code": "too-large", "detail": "too much"}, "413 Too Large")
        # It reads nothing of the body, and does not hang up before the client has the answer.
        assert done[daemon.accepted - 1].wait(30), "the client waits for room"

    daemon.expect(refuse, refuse)
    for index, source in enumerate((b"x" * 50_000_000, (b"x" * 100_000 for _ in range(500)))):
        with pytest.raises(dstore.TooLargeError, match="too much"):
            client(daemon, timeout=60).put(source)
        done[index].set()


def test_a_problem_in_the_trailer_follows_the_bytes_before_it(daemon: Daemon) -> None:
    problem = json.dumps({"code": "removed", "detail": "it is gone"}).encode()
    end = b"0\r\ndstore-problem: " + problem + b"\r\n\r\n"

    def fail(peer: Peer) -> None:
        for _ in range(2):
            peer.head()
            peer.value(VALUE, 2 * len(VALUE), end)

    daemon.expect(fail)
    store = client(daemon)
    with pytest.raises(dstore.RemovedError, match="it is gone"):
        store.get("x")
    seen = bytearray()
    with pytest.raises(dstore.RemovedError):
        for part in store.stream("x"):
            seen += part
    assert seen == VALUE and daemon.accepted == 1


@pytest.mark.parametrize("end", [b"", b"0\r\n\r\n"])
def test_a_body_that_is_cut_never_looks_whole(daemon: Daemon, end: bytes) -> None:
    def cut(peer: Peer) -> None:
        peer.head()
        peer.value(VALUE, len(VALUE) + 1, end)

    daemon.expect(cut, cut)
    with pytest.raises((dstore.UnreachableError, dstore.ProtocolError)):
        client(daemon).get("x")


def test_more_bytes_than_were_stated_are_refused(daemon: Daemon) -> None:
    def more(peer: Peer) -> None:
        peer.head()
        peer.value(VALUE, len(VALUE) - 1)

    daemon.expect(more)
    with pytest.raises(dstore.ProtocolError):
        client(daemon).get("x")


def test_a_kept_connection_that_was_closed_costs_a_read_nothing(daemon: Daemon) -> None:
    def once(peer: Peer) -> None:
        peer.head()
        peer.value(VALUE)

    daemon.expect(once, once, once)
    store = client(daemon)
    for count in (1, 2, 3):
        assert store.get("x") == VALUE
        assert daemon.accepted == count


def test_a_call_that_a_repeat_could_harm_is_sent_once(daemon: Daemon) -> None:
    seen: List[str] = []

    def take(peer: Peer) -> None:
        seen.append(peer.request()[0])

    def resolve(peer: Peer) -> None:
        peer.head()
        peer.send(f"HTTP/1.1 200 OK\nDstore-Key: {KEY}\nDstore-Size: 0\nContent-Length: 0\n\n")
        peer.head()

    daemon.expect(resolve, take, take, take, take)
    store = client(daemon)
    with pytest.raises(dstore.UnreachableError):
        store.tag("t", "x")
    with pytest.raises(dstore.UnreachableError):
        store.put(b"v", name="n")
    with pytest.raises(dstore.UnreachableError):
        store.remove("n")
    assert [line.split()[0] for line in seen] == ["PUT", "POST", "DELETE"]


def test_bytes_that_do_not_match_their_key_are_found_out(daemon: Daemon, tmp_path: Path) -> None:
    pytest.importorskip("blake3")

    def lie(peer: Peer) -> None:
        while True:
            line, _ = peer.request()
            if not line:
                return
            if line.startswith("HEAD"):
                size = len(VALUE)
                peer.send(f"HTTP/1.1 200 OK\nDstore-Key: {KEY}\nDstore-Size: {size}\n\n")
            elif line.startswith("POST /v1/values?"):
                peer.json({"key": KEY, "size": len(VALUE), "existed": False}, "201 Created")
            elif line.startswith("POST"):
                problem = {"code": "unwritable", "detail": "send it"}
                peer.json(problem, "422 Unprocessable")
            else:
                peer.value(VALUE)

    daemon.expect(*[lie] * 9)
    store = client(daemon, verify=True)
    with pytest.raises(dstore.IntegrityError):
        store.get("x")
    with pytest.raises(dstore.IntegrityError):
        list(store.stream("x"))
    with pytest.raises(dstore.IntegrityError):
        store.get_file("x", tmp_path / "out")
    with pytest.raises(dstore.IntegrityError):
        store.put(VALUE)
    with store.open("x") as file, pytest.raises(dstore.IntegrityError):
        file.read()
    assert os.listdir(tmp_path) == ["s"]
    assert client(daemon).get("x") == VALUE


def test_what_the_daemon_left_in_a_file_is_replaced(daemon: Daemon, tmp_path: Path) -> None:
    def head(peer: Peer) -> None:
        peer.head()
        peer.send(f"HTTP/1.1 200 OK\nDstore-Key: {KEY}\nDstore-Size: {len(VALUE)}\n\n")

    def copy(peer: Peer) -> None:
        _, body = peer.request()
        Path(json.loads(body)["path"]).write_bytes(b"x" * 3 * len(VALUE))
        problem = {"code": "unwritable", "detail": "the disk"}
        peer.json({"event": "failed", "problem": problem}, line_end=True)

    def give(peer: Peer) -> None:
        peer.head()
        peer.value(VALUE)

    daemon.expect(head, copy, give, give)
    assert client(daemon).get_file("x", tmp_path / "out") == len(VALUE)
    assert (tmp_path / "out").read_bytes() == VALUE


def test_a_file_is_read_over_one_connection(daemon: Daemon) -> None:
    def ranges(peer: Peer) -> None:
        peer.head()
        peer.send(f"HTTP/1.1 200 OK\nDstore-Key: {KEY}\nDstore-Size: {len(VALUE)}\n\n")
        while True:
            line, headers = peer.head()
            if not line:
                return
            first, last = map(int, headers["range"][len("bytes=") :].split("-"))
            part = VALUE[first : last + 1]
            peer.send(
                f"HTTP/1.1 206 Partial Content\nDstore-Key: {KEY}\nDstore-Size: {len(VALUE)}\n"
                f"Content-Range: bytes {first}-{last}/{len(VALUE)}\n"
                f"Content-Length: {len(part)}\n\n",
                part,
            )

    daemon.expect(ranges)
    with client(daemon) as store, store.open("x") as file:
        for _ in range(3):
            file.seek(0)
            assert file.read() == VALUE
            file.seek(5000)
            assert file.read() == VALUE[5000:]
    assert daemon.accepted == 1


def test_the_end_of_a_hold_reaches_the_daemon(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"held")
    found = os.stat(tmp_path / "file")
    left = threading.Event()

    def hold(peer: Peer) -> None:
        peer.request()
        facts = {"size": 4, "key": KEY, "kind": "file", "path": str(tmp_path / "file")}
        identity = {"device": str(found.st_dev), "inode": str(found.st_ino)}
        body = json.dumps({"event": "done", "result": {**facts, **identity}}).encode() + b"\n"
        peer.send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", b"%x\r\n" % len(body))
        peer.send("", body + b"\r\n")
        assert peer.file.read(1) == b""
        left.set()

    daemon.expect(hold)
    path = client(daemon).open_path("x")
    assert path.removed is None and not left.is_set()
    path.close()
    assert left.wait(30)
    assert path.open().read() == b"held"


def test_a_silent_daemon_is_a_timeout(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dstore._http.GRACE_SECONDS", 0.1)
    over = threading.Event()
    daemon.expect(lambda _: over.wait(20) and None)
    with pytest.raises(dstore.TimedOutError):
        client(daemon, timeout=0.1).get("x")
    over.set()


def test_what_is_no_daemon_is_a_protocol_fault(daemon: Daemon) -> None:
    def page(peer: Peer) -> None:
        peer.head()
        peer.send("HTTP/1.1 404 Not Found\nContent-Length: 6\n\n", b"<html>")

    daemon.expect(page)
    with pytest.raises(dstore.ProtocolError, match="HTTP 404"):
        client(daemon).get("x")


@pytest.mark.parametrize("name", ["file", "missing"])
def test_a_path_in_another_mount_namespace_is_refused(
    daemon: Daemon, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_bytes(b"another file")

    def elsewhere(peer: Peer) -> None:
        peer.request()
        facts = {"device": "1", "inode": "1", "size": 12, "key": KEY, "kind": "file"}
        event = {"event": "done", "result": {"path": str(tmp_path / name), **facts}}
        body = json.dumps(event).encode() + b"\n"
        peer.send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", b"%x\r\n" % len(body))
        peer.send("", body + b"\r\n")
        # The client leaves, which ends the hold.
        assert peer.file.read(1) == b""

    daemon.expect(elsewhere)
    with pytest.raises(dstore.UnreadableError, match="another file") as caught:
        client(daemon).open_path("x")
    assert "mount" in str(caught.value.hint)

"""HTTP to one daemon over kept connections, on a Unix socket or TCP (specs/007, "HTTP API")."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import selectors
import socket
import ssl
import tempfile
import threading
import time
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
    TypeVar,
    Union,
)
from urllib.parse import quote, urlencode

from .errors import (
    BusyError,
    DstoreError,
    NotPermittedError,
    ProtocolError,
    TimedOutError,
    UnreachableError,
    parse_problem,
)

Buffer = Union[bytes, bytearray, memoryview]
Body = Union[None, Buffer, Iterable[Buffer]]

SEND_BYTES = 256 * 1024
"""Most bytes that are handed to the system at once. Larger pieces are cut."""

ANSWER_BYTES = 2 * 1024 * 1024
"""The longest JSON document or line of an answer."""

TIMEOUT_SECONDS = 30.0
"""Default of the time without progress after which a call fails."""

GRACE_SECONDS = 5.0
"""The daemon keeps the time-out itself, and tells of it; only if it is silent, the client does."""

BODY_PATIENCE = 10
"""Within a value a slow link may show nothing for this many time-outs (R007-118)."""

SOCKET_PATH_BYTES = 100
NO_DAEMON = (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR, errno.ECONNRESET)
CONNECT_SECONDS = 10.0

T = TypeVar("T")

LOST = (http.client.HTTPException, OSError)


def segment(text: str) -> str:
    """A text as one segment of a path."""
    try:
        return quote(text, safe="", errors="strict")
    except UnicodeEncodeError:
        raise ValueError(f"not text that UTF-8 has: {text!a}") from None


class Address:
    """Where a daemon serves."""

    def __init__(
        self,
        *,
        unix: Optional[str] = None,
        host: str = "localhost",
        port: int = 0,
        tls: Optional[ssl.SSLContext] = None,
        token: Optional[str] = None,
    ) -> None:
        self.unix, self.host, self.port, self.tls, self.token = unix, host, port, tls, token

    def __str__(self) -> str:
        return self.unix if self.unix is not None else f"{self.host}:{self.port}"


class _Response(http.client.HTTPResponse):
    """A response that may come after any number of interim ones, and may have trailers."""

    trailers: Dict[str, str]

    def begin(self) -> None:
        self.trailers = {}
        super().begin()

    def _read_status(self) -> Tuple[str, int, str]:
        while True:
            found: Tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            # 102 (Processing): the daemon still works on it.
            if not 100 < found[1] < 200:
                return found
            http.client.parse_headers(self.fp)

    def _read_and_discard_trailer(self) -> None:
        for _ in range(100):
            line = self.fp.readline(65537)
            if line in (b"\r\n", b"\n", b""):
                return
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()
        raise http.client.HTTPException("too many trailers")


class _Connection(http.client.HTTPConnection):
    response_class = _Response

    def __init__(self, address: Address, timeout: float) -> None:
        super().__init__(address.host, address.port or None, timeout=timeout)
        self.address = address
        self.used = False

    def connect(self) -> None:
        address = self.address
        if address.unix is not None:
            self.sock = _connect_unix(address.unix, self.timeout or TIMEOUT_SECONDS)
            return
        super().connect()
        if address.tls is not None:
            self.sock = address.tls.wrap_socket(self.sock, server_hostname=address.host)


class NoDaemon(Exception):
    """No daemon serves at an address."""


def _connect_unix(path: str, timeout: float) -> socket.socket:
    give_up_at = time.monotonic() + CONNECT_SECONDS
    while True:
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.settimeout(timeout)
        try:
            with _short(path) as short:
                one.connect(short)
            return one
        except BaseException as error:
            one.close()
            if not isinstance(error, OSError):
                raise
            # More clients connect at this moment than the daemon has accepted.
            if error.errno != errno.EAGAIN or time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)


@contextlib.contextmanager
def _short(path: str) -> Iterator[str]:
    """The path, shortened by way of its folder if it is too long for a socket (R007-5)."""
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        yield path
        return
    folder, name = os.path.split(path)
    if os.path.isdir("/proc/self/fd"):
        fd = os.open(folder, os.O_RDONLY)
        try:
            yield f"/proc/self/fd/{fd}/{name}"
        finally:
            os.close(fd)
        return
    with tempfile.TemporaryDirectory(prefix="dstore-", dir="/tmp") as place:
        os.symlink(folder, os.path.join(place, "d"))
        yield os.path.join(place, "d", name)


class Answer:
    """A response whose head has arrived. Its connection is kept once the body was read whole."""

    def __init__(self, http_: Http, connection: _Connection, response: _Response) -> None:
        self._http, self._connection, self._response = http_, connection, response
        self.status = response.status
        self._over = False

    def header(self, name: str) -> Optional[str]:
        return self._response.getheader(name)

    def readinto(self, buffer: memoryview) -> int:
        """Reads some bytes; 0 at the end. Raises the problem that ended the body early."""
        if self._over:
            return 0
        count = self._reading(lambda: self._response.readinto(buffer))
        if count == 0 and len(buffer) > 0:
            self._end()
        return count

    def read_some(self, most: int = SEND_BYTES) -> bytes:
        """Some bytes, as soon as there are some; empty at the end."""
        if self._over:
            return b""
        part = self._reading(lambda: self._response.read1(most))
        if not part:
            self._end()
        return part

    def _reading(self, read: Callable[[], T]) -> T:
        """What ``read`` gives. If it fails, the connection is closed: its body is cut."""
        try:
            return read()
        except LOST as error:
            self.close()
            raise lost(error, self._http.patience) from error
        except BaseException:
            self.close()
            raise

    def text(self) -> str:
        parts: List[bytes] = []
        length = 0
        while True:
            part = self.read_some()
            if not part:
                return b"".join(parts).decode("utf-8", "replace")
            length += len(part)
            if length > ANSWER_BYTES:
                self.close()
                raise ProtocolError("the daemon sent a response that is too long")
            parts.append(part)

    def json(self) -> Any:
        text = self.text()
        try:
            return json.loads(text)
        except ValueError as error:
            raise ProtocolError("the daemon sent a response that is not JSON") from error

    def lines(self) -> Iterator[str]:
        """The lines of the body, then the problem that ended it, if any."""
        rest = b""
        try:
            while True:
                part = self.read_some()
                if not part:
                    break
                *whole, rest = (rest + part).split(b"\n")
                for line in whole:
                    yield line.decode("utf-8")
                if len(rest) > ANSWER_BYTES:
                    raise ProtocolError("the daemon sent a line that is too long")
            if rest:
                raise ProtocolError("the daemon ended in the middle of a line")
        finally:
            self.close()

    def documents(self) -> Iterator[Any]:
        for line in self.lines():
            yield json.loads(line)

    def interrupt(self) -> None:
        """Ends a read that another thread waits in, as if the daemon had left."""
        with contextlib.suppress(OSError, AttributeError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)

    @property
    def over(self) -> bool:
        """Whether the body was read whole, or the call was ended."""
        return self._over

    def arrived(self) -> Tuple[bytes, bool]:
        """What has arrived since, without waiting, and whether the daemon has ended the response.

        The bytes are as they were sent, in chunks: nothing else can read the body afterwards.
        """
        sock = self._connection.sock
        if sock is None or self._response.fp is None:
            return b"", True
        sock.settimeout(0)
        parts: List[bytes] = []
        try:
            while True:
                part = self._response.fp.read1(65536)
                if part:
                    parts.append(part)
                    continue
                return b"".join(parts), not sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return b"".join(parts), False
        except OSError:
            return b"".join(parts), True

    def close(self) -> None:
        """Ends the call, and with it the work of the daemon behind it."""
        if self._over:
            return
        self._over = True
        self._response.close()
        self._connection.close()

    def _end(self) -> None:
        self._over = True
        problem = self._response.trailers.get("dstore-problem")
        self._http.give_back(self._connection, self._response)
        if problem is not None:
            raise parse_problem(problem)


def _checked(timeout: Optional[float]) -> Optional[float]:
    if timeout is not None and not timeout > 0:
        raise ValueError(f"timeout must be a number of seconds above 0, not {timeout!r}")
    return timeout


class Http:
    """Calls to one daemon. Any number of threads may share it; a forked child opens its own."""

    def __init__(self, address: Address, timeout: Optional[float] = None) -> None:
        self.address = address
        self.timeout = _checked(timeout)
        self._lock = threading.Lock()
        self._idle: List[_Connection] = []
        self._pid = os.getpid()
        self._closed = False

    @property
    def patience(self) -> float:
        return TIMEOUT_SECONDS if self.timeout is None else self.timeout

    def probe(self) -> None:
        """Opens a connection for the first call. Raises :class:`NoDaemon` if none serves."""
        connection = _Connection(self.address, self.patience + GRACE_SECONDS)
        try:
            connection.connect()
        except OSError as error:
            if self.address.unix is not None and error.errno in NO_DAEMON:
                raise NoDaemon from error
            raise _refused(error, self.address) from error
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Optional[Mapping[str, object]] = None,
        headers: Optional[Mapping[str, str]] = None,
        body: Body = None,
        length: Optional[int] = None,
        repeatable: bool = False,
        timeout: Optional[float] = None,
    ) -> Answer:
        """Sends a request; returns when the head of its response is there.

        Raises the problem in the response. ``length`` is that of an iterable body; without it the
        body is sent in chunks. ``timeout`` is in seconds without progress.
        """
        repeatable = repeatable or method in ("GET", "HEAD")
        limit = self.timeout if timeout is None else _checked(timeout)
        patience = (TIMEOUT_SECONDS if limit is None else limit) + GRACE_SECONDS
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        if limit is not None:
            asked["timeout"] = max(1, round(limit * 1000))
        target = path + ("?" + urlencode(asked, quote_via=quote) if asked else "")
        sent = {"Host": "localhost", "Dstore-Beat": "102", **(headers or {})}
        if self.address.unix is None:
            del sent["Host"]
        if self.address.token is not None:
            sent["Authorization"] = f"Bearer {self.address.token}"
        connection = self._take(patience, fresh=not repeatable)
        try:
            return self._send(connection, method, target, sent, body, length)
        except _SourceFailed as failed:
            raise failed.error from None
        except LOST as error:
            if not (repeatable and connection.used) or isinstance(error, socket.timeout):
                raise lost(error, patience) from error
        # The daemon closed a connection that was kept just when it was used (R007-116).
        connection = self._take(patience, fresh=True)
        try:
            return self._send(connection, method, target, sent, body, length)
        except LOST as error:
            raise lost(error, patience) from error

    def head(self, path: str, **parts: Any) -> Answer:
        """The head of what a GET gives."""
        try:
            answer = self.call("HEAD", path, **parts)
        except _Headless:
            # The answer to a GET says why.
            self.call("GET", path, **parts).close()
            raise ProtocolError("the daemon refuses HEAD of what it gives") from None
        answer.read_some()
        return answer

    def json(self, method: str, path: str, **parts: Any) -> Any:
        """The JSON document that answers a request."""
        return self.call(method, path, **parts).json()

    def _take(self, patience: float, fresh: bool) -> _Connection:
        with self._lock:
            if self._closed:
                raise ValueError("the client is closed")
            if self._pid != os.getpid():
                # The parent's connections: only forget them, for closing is the parent's.
                self._pid = os.getpid()
                for inherited in self._idle:
                    if inherited.sock is not None:
                        inherited.sock.close()
                self._idle = []
            kept = None if fresh or not self._idle else self._idle.pop()
            if fresh and self._idle and not self._idle[-1].used:
                kept = self._idle.pop()
        if kept is not None:
            if kept.sock is not None:
                kept.sock.settimeout(patience)
            return kept
        connection = _Connection(self.address, patience)
        try:
            connection.connect()
        except OSError as error:
            raise _refused(error, self.address) from error
        return connection

    def give_back(self, connection: _Connection, response: _Response) -> None:
        response.close()
        with self._lock:
            keep = not self._closed and connection.sock is not None and self._pid == os.getpid()
            if keep and not response.will_close and len(self._idle) < 64:
                connection.used = True
                self._idle.append(connection)
                return
        connection.close()

    def _send(
        self,
        connection: _Connection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Body,
        length: Optional[int],
    ) -> Answer:
        try:
            connection.putrequest(
                method, target, skip_host="Host" in headers, skip_accept_encoding=True
            )
            for name, value in headers.items():
                connection.putheader(name, value)
            is_whole = body is None or isinstance(body, (bytes, bytearray, memoryview))
            if is_whole:
                whole = memoryview(body or b"").cast("B")  # type: ignore[arg-type]
                if body is not None or method in ("POST", "PUT"):
                    connection.putheader("Content-Length", str(whole.nbytes))
                pieces: Iterable[Buffer] = (whole,) if whole.nbytes > 0 else ()
                chunked = False
            else:
                pieces = body  # type: ignore[assignment]
                chunked = length is None
                if chunked:
                    connection.putheader("Transfer-Encoding", "chunked")
                else:
                    connection.putheader("Content-Length", str(length))
            connection.endheaders()
            sent_all = self._send_body(connection, pieces, chunked)
            response: _Response = connection.getresponse()  # type: ignore[assignment]
            if not sent_all:
                response.will_close = True
            if connection.sock is not None and response.will_close is False:
                connection.sock.settimeout(self.patience * BODY_PATIENCE)
        except BaseException:
            connection.close()
            raise
        answer = Answer(self, connection, response)
        if response.status >= 400:
            if method == "HEAD":
                answer.read_some()
                raise _Headless
            error = parse_problem(answer.text())
            if isinstance(error, ProtocolError):
                error = ProtocolError(f"{error} (HTTP {response.status})")
            error.http_status = response.status  # type: ignore[attr-defined]
            raise error
        return answer

    @staticmethod
    def _send_body(connection: _Connection, pieces: Iterable[Buffer], chunked: bool) -> bool:
        """Sends a body; false if the daemon answered before it had all of it."""
        sock = connection.sock
        assert sock is not None
        # What TLS has received is not seen by a selector; there the loss of the connection tells.
        selector = None if isinstance(sock, ssl.SSLSocket) else selectors.DefaultSelector()
        try:
            if selector is not None:
                selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
            for piece in _guarded(pieces):
                view = memoryview(piece).cast("B")
                if view.nbytes == 0:
                    continue
                if chunked and not _send(sock, b"%x\r\n" % view.nbytes, selector):
                    return False
                if not _send(sock, view, selector):
                    return False
                if chunked and not _send(sock, b"\r\n", selector):
                    return False
            return not chunked or _send(sock, b"0\r\n\r\n", selector)
        except (BrokenPipeError, ConnectionResetError):
            # A refusal may wait to be read.
            return False
        finally:
            if selector is not None:
                selector.close()


class _SourceFailed(Exception):
    """What gives the bytes of a body failed, and not the connection."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


def _guarded(pieces: Iterable[Buffer]) -> Iterator[Buffer]:
    source = iter(pieces)
    while True:
        try:
            piece = next(source)
        except StopIteration:
            return
        except Exception as error:
            raise _SourceFailed(error) from error
        yield piece


class _Headless(Exception):
    """A refused HEAD, which has no problem document."""


def _send(sock: socket.socket, data: Buffer, selector: Optional[selectors.BaseSelector]) -> bool:
    """Sends all of it; false once there is an answer."""
    view = memoryview(data).cast("B")
    while view.nbytes > 0:
        part = view[:SEND_BYTES]
        if selector is None:
            sock.sendall(part)
            view = view[part.nbytes :]
            continue
        ready = selector.select(sock.gettimeout())
        if not ready:
            raise socket.timeout("the daemon takes nothing")
        events = ready[0][1]
        if events & selectors.EVENT_READ and not _skip_interim(sock):
            return False
        if not events & selectors.EVENT_WRITE:
            continue
        # The socket has room, so that this returns at once with what fits.
        view = view[sock.send(part) :]
    return True


def _skip_interim(sock: socket.socket) -> bool:
    """Takes an interim response out of the socket; false if what came is the answer, or the end."""
    for _ in range(5000):
        seen = sock.recv(1024, socket.MSG_PEEK)
        if not seen.startswith(b"HTTP/1.1 1"[: len(seen)]) or not seen:
            return False
        end = seen.find(b"\r\n\r\n")
        if end >= 0:
            sock.recv(end + 4)
            return True
        time.sleep(0.001)
    return False


def lost(error: BaseException, patience: float) -> DstoreError:
    """What ended a call whose connection broke."""
    if isinstance(error, DstoreError):
        return error
    if isinstance(error, socket.timeout):
        return TimedOutError(f"the daemon did not answer within {patience:g} s")
    what = getattr(error, "strerror", None) or type(error).__name__
    return UnreachableError(f"the connection to the daemon was lost ({what})")


def _refused(error: OSError, address: Address) -> DstoreError:
    if isinstance(error, PermissionError):
        return NotPermittedError(
            f"cannot connect to the daemon: permission denied on {address}",
            "it may be another user's: choose another with `dir`",
        )
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return BusyError(f"cannot connect to the daemon: {error.strerror}")
    if isinstance(error, socket.timeout):
        return TimedOutError(f"the daemon at {address} did not accept the connection")
    reason = error.strerror or str(error)
    return UnreachableError(f"cannot connect to the daemon at {address}: {reason}")

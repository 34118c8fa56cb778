"""The client: what a program calls."""

from __future__ import annotations

import json
import os
import re
import ssl
from datetime import timedelta
from types import TracebackType
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, Mapping, Optional, Type, Union
from urllib.parse import urlsplit

from ._extract import extract
from ._files import file_pieces, open_regular, put_by_path, write_file
from ._held import OpenPath, Watch, open_path
from ._http import Address, Http, NoDaemon, segment
from ._place import Path, find_place, may_start, start_daemon
from ._put_folder import FolderPut
from ._reading import (
    TRAILERS,
    ValueFile,
    head_of,
    open_body,
    pieces,
    range_text,
    read_whole,
    resolve_key,
)
from ._verify import AVAILABLE, Hash
from ._words import check, read_path, tree_path, value_path
from .errors import (
    IncompatibleError,
    NotFoundError,
    UnreachableError,
    UnsupportedError,
    UsageError,
)
from .key import Key, parse_key
from .types import (
    Entry,
    Facts,
    Moved,
    Name,
    OnProgress,
    Prefix,
    Progress,
    Removal,
    Stored,
    entry_of,
    facts_of,
    moved_of,
    name_of,
    removal_of,
    stored_of,
)

Duration = Union[int, float, timedelta]
"""Seconds, or a ``timedelta``."""

Source = Union[bytes, bytearray, memoryview, "os.PathLike[str]", BinaryIO, Iterable[bytes]]
"""What :meth:`Client.put` stores."""

READ_BYTES = 256 * 1024


def connect(
    dir: Optional[Path] = None,
    socket: Optional[Path] = None,
    *,
    url: Optional[str] = None,
    token: Optional[str] = None,
    tls: Optional[ssl.SSLContext] = None,
    start: bool = True,
    verify: Optional[bool] = None,
    timeout: Optional[float] = None,
) -> Client:
    """Connects to the daemon of a state directory, and starts one if none runs.

    ``dir`` is the state directory (default: ``DSTORE_DIR``, else ``dstore`` in the XDG data
    directory), ``socket`` the path of the daemon's socket (default: ``DSTORE_SOCKET``, else that
    of its settings). ``start=False``, or ``DSTORE_NO_START=1``, starts none. A daemon is started
    by ``dstore`` on PATH, or by the program in ``DSTORE_BIN``.

    ``url`` is a daemon that serves over TCP (``dstore start --http``), such as
    ``http://127.0.0.1:4481``, with its ``token``; ``tls`` is for an ``https`` URL with a
    certificate that the system does not know. Such a daemon is never started.

    ``verify``: check every value against its key in this process. Default: where the package
    ``blake3`` is installed. True without it is an ``ImportError``.

    ``timeout`` is how many seconds a call may take without progress; default 30.

    Raises :class:`UnreachableError` (none runs), :class:`NotPermittedError` (it is another
    user's).
    """
    if verify and not AVAILABLE:
        raise ImportError("verify=True needs the package blake3: pip install blake3")
    checked = AVAILABLE if verify is None else verify
    if url is not None:
        if dir is not None or socket is not None:
            raise ValueError("give either `url`, or `dir` and `socket`")
        http = Http(_address_of(url, token, tls), timeout)
        http.probe()
        return Client(http, verify=checked)
    import socket as sockets

    if not hasattr(sockets, "AF_UNIX"):
        raise UnsupportedError(
            "this system's Python has no Unix sockets",
            "use a daemon over TCP: connect(url='http://HOST:PORT', token=...)",
        )
    place = find_place(dir, socket)
    http = Http(Address(unix=place.socket), timeout)
    try:
        http.probe()
    except NoDaemon:
        if place.fault is not None:
            raise place.fault from None
        if not (start and may_start()):
            raise UnreachableError(
                f"no daemon is running for {place.directory}", "start one with `dstore start`"
            ) from None
        start_daemon(place)
        try:
            http.probe()
        except NoDaemon:
            raise UnreachableError(
                f"the daemon that was started does not serve {place.socket}",
                f"its log is {place.directory}/daemon.log",
            ) from None
    return Client(http, verify=checked)


def _address_of(url: str, token: Optional[str], tls: Optional[ssl.SSLContext]) -> Address:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"url must be http://HOST:PORT or https://HOST:PORT, not {url!r}")
    # The library that sends it would show the token in its error.
    if token is not None and not re.fullmatch("[!-~]+", token):
        raise ValueError(
            "token has a blank, a line end or another character that no token has; "
            "strip() what you read from a file"
        )
    secure = parts.scheme == "https"
    return Address(
        host=parts.hostname,
        port=parts.port or (443 if secure else 80),
        tls=(tls or ssl.create_default_context()) if secure else None,
        token=token,
    )


class Client:
    """A connection to one daemon. Made by :func:`connect`.

    Any number of threads may use it; in a forked child it opens connections of its own. It is a
    context manager; ``close()`` ends its connections.

    A *word* is a key, a name, or either with a path below a directory: ``bafkr4i...``,
    ``models/v1``, ``models/v1/config.json``.
    """

    def __init__(self, http: Http, *, verify: bool) -> None:
        self._http, self._verify = http, verify

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<dstore.Client of {self._http.address}>"

    def close(self) -> None:
        """Ends the connections. Paths that are open stay held until they are closed."""
        self._http.close()

    # Putting

    def put(
        self,
        source: Source,
        *,
        name: Optional[str] = None,
        tag: bool = False,
        expires: Optional[Duration] = None,
        keep: Optional[Duration] = None,
        on_progress: Optional[OnProgress] = None,
        timeout: Optional[float] = None,
    ) -> Stored:
        """Stores a value, and binds a name to it in the same change.

        ``source`` is bytes, a ``pathlib.Path`` of a file or folder, a binary file, or an iterable
        of bytes. Text is refused, for it could mean a path: encode it, or use ``Path``.

        ``tag``: the name can be moved, and moves to this value; without it a name is fixed.
        ``expires``: unbind the name after this time; ``keep``: how long the target that a tag had
        stays. Both are seconds or a ``timedelta``. ``timeout`` is in seconds without progress.

        Raises :class:`ConflictError` for a fixed name that is bound to another value,
        :class:`NoSpaceError`, :class:`TooLargeError`.
        """
        query = _naming(name, tag, expires, keep)
        if isinstance(source, str):
            raise TypeError(
                "put() takes no text: encode it to bytes, or give pathlib.Path(...) for a file"
            )
        if isinstance(source, os.PathLike):
            path = os.fspath(source)
            if os.path.isdir(path):
                return self._put_folder(path, False, query, on_progress, timeout)
            return self._put_file(path, query, on_progress, timeout)
        if isinstance(source, (bytes, bytearray, memoryview)):
            view = memoryview(source).cast("B")
            return self._put_pieces([view], view.nbytes, query, on_progress, timeout)
        if hasattr(source, "read"):
            return self._put_pieces(_parts_of(source), None, query, on_progress, timeout)
        if not hasattr(source, "__iter__"):
            raise TypeError(
                "source must be bytes, a path, a binary file or an iterable of bytes, "
                f"not {type(source).__name__}"
            )
        return self._put_pieces(_only_bytes(source), None, query, on_progress, timeout)

    def put_file(
        self,
        path: Path,
        *,
        name: Optional[str] = None,
        tag: bool = False,
        expires: Optional[Duration] = None,
        keep: Optional[Duration] = None,
        on_progress: Optional[OnProgress] = None,
        timeout: Optional[float] = None,
    ) -> Stored:
        """Stores a regular file. Where the daemon can, it reads the file itself.

        The rest is as in :meth:`put`. Raises :class:`UnreadableError`, and :class:`ChangedError`
        if the file changes meanwhile.
        """
        query = _naming(name, tag, expires, keep)
        return self._put_file(os.fspath(path), query, on_progress, timeout)

    def put_folder(
        self,
        path: Path,
        *,
        name: Optional[str] = None,
        tag: bool = False,
        expires: Optional[Duration] = None,
        keep: Optional[Duration] = None,
        follow: bool = False,
        on_progress: Optional[OnProgress] = None,
        timeout: Optional[float] = None,
    ) -> Stored:
        """Stores a folder as a directory, whose key names everything in it.

        It has the files, folders and symbolic links of the folder; of permissions only whether
        the owner may execute a file. A link that leaves the folder is refused, unless ``follow``
        is true: then what it points to is stored. The list of what is in the folder is kept in
        memory. The rest is as in :meth:`put`.
        """
        query = _naming(name, tag, expires, keep)
        return self._put_folder(os.fspath(path), follow, query, on_progress, timeout)

    def _put_file(
        self,
        path: str,
        query: Dict[str, object],
        on_progress: Optional[OnProgress],
        timeout: Optional[float],
    ) -> Stored:
        # It stays open, so that no other file gets its inode.
        fd, found = open_regular(path)
        try:
            keeper = {**query, "tag": True} if "tag" in query else query
            line = put_by_path(self._http, path, found, keeper, on_progress, timeout)
            if line is not None:
                return stored_of(line)
            parts = file_pieces(fd, found, path, on_progress)
            return self._put_pieces(parts, found.st_size, query, None, timeout)
        finally:
            os.close(fd)

    def _put_pieces(
        self,
        parts: Iterable[Union[bytes, memoryview]],
        length: Optional[int],
        query: Dict[str, object],
        on_progress: Optional[OnProgress],
        timeout: Optional[float],
    ) -> Stored:
        seen = Hash(self._verify)

        def hashed() -> Iterator[Union[bytes, memoryview]]:
            done = 0
            for part in parts:
                view = memoryview(part).cast("B")
                for at in range(0, view.nbytes, READ_BYTES):
                    piece = view[at : at + READ_BYTES]
                    seen.update(piece)
                    done += piece.nbytes
                    yield piece
                    if on_progress is not None:
                        on_progress(Progress("store", done, length))

        line = self._http.json(
            "POST", "/v1/values", query=query, body=hashed(), length=length, timeout=timeout
        )
        stored = stored_of(line)
        seen.check(stored.key, "the daemon stored other bytes than were sent")
        return stored

    def _put_folder(
        self,
        path: str,
        follow: bool,
        query: Dict[str, object],
        on_progress: Optional[OnProgress],
        timeout: Optional[float],
    ) -> Stored:
        put = FolderPut(self._http, self._verify, on_progress, timeout)
        made, top = put.run(path, follow, query)
        return stored_of({**made, "key": top.key, "size": top.size, "files": top.count})

    # Reading

    def get(
        self,
        word: str,
        *,
        start: Optional[int] = None,
        end: Optional[int] = None,
        last: Optional[int] = None,
        on_progress: Optional[OnProgress] = None,
        timeout: Optional[float] = None,
    ) -> bytes:
        """The bytes of a value, or those from ``start`` to before ``end``, or its ``last`` ones.

        Raises :class:`NotFoundError`, :class:`RemovedError` (while it was read),
        :class:`IntegrityError`, :class:`RangeError`; :class:`UsageError` for a directory.
        """
        body = open_body(self._http, word, range_text(start, end, last), timeout)
        try:
            return read_whole(body, self._verify, on_progress)
        finally:
            body.close()

    def stream(
        self,
        word: str,
        *,
        start: Optional[int] = None,
        end: Optional[int] = None,
        last: Optional[int] = None,
        on_progress: Optional[OnProgress] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[bytes]:
        """The same bytes in parts of at most 1 MiB. A wrong hash is raised after the last part."""
        body = open_body(self._http, word, range_text(start, end, last), timeout)
        for part in pieces(body, self._verify, on_progress):
            yield bytes(part)

    def open(self, word: str, *, timeout: Optional[float] = None) -> ValueFile:
        """A value like a file that was opened for reading in binary: ``read``, ``seek``, ``size``.

        Wrap it in ``io.BufferedReader`` for many small reads. To map a value, or to give a
        library a path, use :meth:`open_path`.
        """
        return ValueFile(self._http, word, self._verify, timeout)

    def get_file(
        self,
        word: str,
        path: Path,
        *,
        on_progress: Optional[OnProgress] = None,
        timeout: Optional[float] = None,
    ) -> int:
        """Writes a value to a file, whole or not at all; returns its size in bytes.

        A file that is there is replaced. Where the daemon can, it writes the file itself.
        """
        answer = self._http.head(read_path(word), timeout=timeout)
        key, _ = head_of(answer, word)
        # What a token reached by a path it does not read by key.
        by = word if self._http.address.token is not None else key
        return write_file(
            self._http,
            os.fspath(path),
            key,
            lambda: open_body(self._http, by, None, timeout),
            verify=self._verify,
            on_progress=on_progress,
            timeout=timeout,
        )

    def get_folder(
        self,
        word: str,
        path: Path,
        *,
        on_progress: Optional[OnProgress] = None,
        timeout: Optional[float] = None,
    ) -> int:
        """Writes a directory to a new or empty folder, whole or not at all.

        Returns the bytes of its files. Raises :class:`UnwritableError` for any other folder.
        """
        return extract(self, self._http, word, os.fspath(path), on_progress, timeout)

    def open_path(
        self,
        word: str,
        *,
        executable: bool = False,
        on_progress: Optional[OnProgress] = None,
        timeout: Optional[float] = None,
    ) -> OpenPath:
        """A read-only file of the value, for this and any other process to open and map.

        It is fetched if need be, and stays until the result is closed; of a directory it is a
        folder of symbolic links. ``executable``: a copy that can be executed.

        Raises :class:`NoSpaceError` (no room for it), :class:`UnsupportedError` (this node keeps
        no values in files), :class:`UnreadableError` (this process sees another file at the path,
        as in a container), :class:`NotPermittedError` over TCP.
        """
        return open_path(self._http, word, executable, on_progress, timeout)

    def entries(self, word: str, *, timeout: Optional[float] = None) -> List[Entry]:
        """What is in a directory, in the bytewise order of the names."""
        answer = self._http.call("GET", tree_path(word), headers=TRAILERS, timeout=timeout)
        if answer.header("Dstore-Entry") != "directory":
            answer.close()
            raise UsageError(f"{word} is no directory")
        return [entry_of(line) for line in answer.documents()]

    def prefetch(
        self,
        word: str,
        *,
        on_progress: Optional[OnProgress] = None,
        timeout: Optional[float] = None,
    ) -> Key:
        """Has this node fetch a value into its cache; returns its key."""
        from ._files import result_of

        key = self.resolve(word, timeout=timeout)
        answer = self._http.call(
            "POST", f"{value_path(key)}/prefetch", repeatable=True, timeout=timeout
        )
        return Key(result_of(answer, on_progress)["key"])

    # Facts

    def resolve(self, word: str, *, timeout: Optional[float] = None) -> Key:
        """The key of a word. Fetches no bytes."""
        return resolve_key(self._http, word, timeout)[0]

    def exists(self, word: str, *, timeout: Optional[float] = None) -> bool:
        """Whether there is such a key, name or path."""
        try:
            self.resolve(word, timeout=timeout)
        except NotFoundError:
            return False
        return True

    def stat(self, word: str, *, timeout: Optional[float] = None) -> Facts:
        """Facts about a value: its size in bytes, what this node has of it, its names."""
        key = self.resolve(word, timeout=timeout) if "/" in check(word) else word
        return facts_of(self._http.json("GET", f"{value_path(key)}/facts", timeout=timeout))

    def names(
        self,
        prefix: str = "",
        *,
        after: Optional[str] = None,
        limit: Optional[int] = None,
        match: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[Name]:
        """The names that begin with a prefix, in bytewise order, as they arrive.

        ``after``: only those behind this text; ``match``: only those of this pattern.
        """
        query = {"prefix": prefix, "after": after, "limit": limit, "match": match}
        for line in self._lines("/v1/names", query, timeout):
            yield name_of(line)

    def level(
        self,
        prefix: str = "",
        *,
        delimiter: str = "/",
        after: Optional[str] = None,
        limit: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[Union[Name, Prefix]]:
        """One level of names: those without ``delimiter`` behind the prefix, and prefixes."""
        query = {"prefix": prefix, "delimiter": delimiter, "after": after, "limit": limit}
        for line in self._lines("/v1/names", query, timeout):
            yield name_of(line) if "name" in line else Prefix(line["prefix"])

    def name(self, name: str, *, fresh: bool = False, timeout: Optional[float] = None) -> Name:
        """What a name is bound to. ``fresh`` has Global asked. Raises :class:`NotFoundError`."""
        query = {"fresh": "1" if fresh else None}
        return name_of(self._http.json("GET", _name_path(name), query=query, timeout=timeout))

    def keys(self, *, timeout: Optional[float] = None) -> Iterator[tuple[Key, int]]:
        """Every key with its size in bytes, as they arrive."""
        for line in self._lines("/v1/keys", {}, timeout):
            yield Key(line["key"]), line["size"]

    def status(self, *, timeout: Optional[float] = None) -> Dict[str, Any]:
        """State and activity of the node, as ``dstore status --json`` prints it."""
        found: Dict[str, Any] = self._http.json("GET", "/v1/status", timeout=timeout)
        return found

    def _lines(
        self, path: str, query: Mapping[str, object], timeout: Optional[float]
    ) -> Iterator[Any]:
        headers = {**TRAILERS, "Accept": "application/x-ndjson"}
        answer = self._http.call("GET", path, query=query, headers=headers, timeout=timeout)
        return answer.documents()

    # Names and removals

    def bind(
        self,
        name: str,
        word: str,
        *,
        expires: Optional[Duration] = None,
        timeout: Optional[float] = None,
    ) -> Name:
        """Binds a fixed name to a value that exists. Raises :class:`ConflictError`."""
        body = {"key": self.resolve(word, timeout=timeout), "expires": _ms("expires", expires)}
        document = json.dumps({field: value for field, value in body.items() if value is not None})
        line = self._http.json(
            "PUT", _name_path(name), body=document.encode(), repeatable=True, timeout=timeout
        )
        return name_of(line)

    def tag(
        self,
        name: str,
        word: str,
        *,
        expires: Optional[Duration] = None,
        keep: Optional[Duration] = None,
        timeout: Optional[float] = None,
    ) -> Moved:
        """Moves a tag to a value that exists, or binds it. One change.

        ``expires`` and ``keep`` are as in :meth:`put`. The call is never repeated by itself,
        which could undo the move of another.
        """
        body = {
            "key": self.resolve(word, timeout=timeout),
            "kind": "tag",
            "expires": _ms("expires", expires),
            "keep": _ms("keep", keep),
        }
        document = json.dumps({field: value for field, value in body.items() if value is not None})
        line = self._http.json("PUT", _name_path(name), body=document.encode(), timeout=timeout)
        if "silent" not in line:
            raise IncompatibleError(f"the daemon has no tags: it bound {name} for good")
        return moved_of(line)

    def remove(self, word: str, *, force: bool = False, timeout: Optional[float] = None) -> Removal:
        """Removes a value by its key, or a name and, if it was the last one, its value.

        When it returns, no Local that acknowledged serves it. ``force`` removes a value although
        a name or a directory has it. ``timeout`` is the whole time to wait for Locals, in
        seconds; what is owed then is in the result. Raises :class:`ConflictError` for a value
        that something holds, :class:`NotFoundError`.
        """
        if parse_key(check(word)) is not None:
            query = {"force": "1" if force else None}
            line = self._http.json("DELETE", value_path(word), query=query, timeout=timeout)
        elif force:
            raise ValueError("force is for keys: a name is unbound, whatever else its value has")
        else:
            line = self._http.json("DELETE", _name_path(word), timeout=timeout)
        return removal_of(line)

    def unbind(self, name: str, *, timeout: Optional[float] = None) -> Removal:
        """Unbinds a name, and keeps its value."""
        query = {"keep": "1"}
        return removal_of(self._http.json("DELETE", _name_path(name), query=query, timeout=timeout))

    def watch(self, after: Optional[str] = None) -> Watch:
        """Changes of the index from now on, or from behind a position that a change had."""
        answer = self._http.call("GET", "/v1/changes", query={"after": after})
        return Watch(answer)


def _name_path(name: str) -> str:
    return f"/v1/names/{segment(check(name))}"


def _naming(
    name: Optional[str], tag: bool, expires: Optional[Duration], keep: Optional[Duration]
) -> Dict[str, object]:
    if name is None and (tag or expires is not None or keep is not None):
        raise ValueError("tag, expires and keep are about a name: give one")
    if keep is not None and not tag:
        raise ValueError("keep is for tags: a fixed name never moves")
    found = {
        "name": None if name is None else check(name),
        "tag": "1" if tag else None,
        "expires": _ms("expires", expires),
        "keep": _ms("keep", keep),
    }
    return {field: value for field, value in found.items() if value is not None}


def _ms(what: str, duration: Optional[Duration]) -> Optional[int]:
    """A duration in milliseconds, as the API takes it."""
    if duration is None:
        return None
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    least = 0 if what == "keep" else 1
    ms = round(seconds * 1000)
    if ms < least:
        raise ValueError(f"{what} must be at least {least} ms, not {ms}")
    return ms


def _parts_of(file: Any) -> Iterator[bytes]:
    while True:
        part = file.read(READ_BYTES)
        if isinstance(part, str):
            raise TypeError("the file was opened as text: open it in binary")
        if not part:
            return
        yield part


def _only_bytes(source: Iterable[bytes]) -> Iterator[bytes]:
    for part in source:
        if not isinstance(part, (bytes, bytearray, memoryview)):
            raise TypeError(f"a value consists of bytes, not of {type(part).__name__}")
        yield part

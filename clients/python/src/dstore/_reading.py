"""Reading values: whole, as a stream, or like a file with `seek`."""

from __future__ import annotations

import io
from typing import Dict, Iterator, Optional, Tuple

from ._http import Answer, Http
from ._verify import Hash
from ._words import read_path
from .errors import ChangedError, ProtocolError, RangeError, UsageError
from .key import Key
from .types import OnProgress, Progress

TRAILERS = {"TE": "trailers"}

FIRST_WINDOW = 64 * 1024
LARGEST_WINDOW = 8 * 1024 * 1024
DRAIN_BYTES = 256 * 1024


class Body:
    """A value, or a part of it, whose head has arrived."""

    def __init__(self, answer: Answer, word: str) -> None:
        self._answer = answer
        self.key, self.size = head_of(answer, word)
        given = answer.header("Content-Range")
        self.start, self.end = _extent(given, self.size)
        self.left = self.end - self.start

    def readinto(self, view: memoryview) -> int:
        """Reads some of what is left; 0 at the end, when all of it has come."""
        count = self._answer.readinto(view[: self.left] if self.left else view[:1])
        if count > self.left or (count == 0 and self.left > 0 and view.nbytes > 0):
            self.close()
            got = self.end - self.start - self.left + count
            raise ProtocolError(f"the daemon sent {got} bytes of {self.end - self.start}")
        self.left -= count
        return count

    def finish(self) -> None:
        """Reads the end of the response, so that its connection serves the next call."""
        self.readinto(memoryview(bytearray(1)))

    def close(self) -> None:
        self._answer.close()


def open_body(
    http: Http, word: str, rng: Optional[str] = None, timeout: Optional[float] = None
) -> Body:
    """Requests a value. ``rng`` is what follows ``bytes=`` in the header Range."""
    headers: Dict[str, str] = dict(TRAILERS)
    if rng is not None:
        headers["Range"] = f"bytes={rng}"
    answer = http.call("GET", read_path(word), headers=headers, timeout=timeout)
    try:
        body = Body(answer, word)
        if rng is not None and body.size == 0:
            # HTTP answers a range from the start of nothing with all of it.
            raise RangeError("the range is beyond the end of the value (0 bytes)")
        return body
    except BaseException:
        answer.close()
        raise


def head_of(answer: Answer, word: str) -> Tuple[Key, int]:
    """Key and size of the value that a response gives. ``usage`` for what is no value."""
    entry = answer.header("Dstore-Entry")
    if entry == "link":
        raise UsageError(f"{word} is a symbolic link, which dstore never follows")
    key = Key(answer.header("Dstore-Key") or "")
    if key.kind == "directory":
        raise UsageError(
            f"{word} is a directory",
            "`get_folder` writes it to a folder, `entries` lists it",
        )
    return key, int(answer.header("Dstore-Size") or 0)


def range_text(start: Optional[int], end: Optional[int], last: Optional[int]) -> Optional[str]:
    """What follows ``bytes=``; None for all of the value."""
    for name, value in (("start", start), ("end", end), ("last", last)):
        if value is not None and (not isinstance(value, int) or value < 0):
            raise ValueError(f"{name} must be a whole number of bytes, not {value!r}")
    if last is not None:
        if start is not None or end is not None:
            raise ValueError("give either `last`, or `start` and `end`")
        return f"-{last}"
    if start is None and end is None:
        return None
    first = start or 0
    if end is None:
        return f"{first}-"
    if end <= first:
        raise ValueError(f"the range is empty: {first} to {end}")
    return f"{first}-{end - 1}"


def read_whole(body: Body, verify: bool, on_progress: Optional[OnProgress]) -> bytes:
    """All bytes of a response, in memory once."""
    total = body.left
    if total == 0:
        body.finish()
        return b""
    whole = body.start == 0 and body.end == body.size
    seen = Hash(verify and whole)
    memory = io.BytesIO()
    # One byte at the end makes the buffer as long as the value.
    memory.seek(total - 1)
    memory.write(b"\0")
    with memory.getbuffer() as view:
        done = 0
        while done < total:
            count = body.readinto(view[done : done + 1024 * 1024])
            seen.update(view[done : done + count])
            done += count
            if on_progress is not None:
                on_progress(Progress("fetch", done, total))
    body.finish()
    if whole:
        seen.check(body.key)
    return memory.getvalue()


def pieces(
    body: Body, verify: bool, on_progress: Optional[OnProgress] = None
) -> Iterator[memoryview]:
    """The bytes in parts, each valid until the next. A bad hash is raised after the last."""
    total = body.left
    whole = body.start == 0 and body.end == body.size
    seen = Hash(verify and whole)
    buffer = memoryview(bytearray(min(1024 * 1024, max(total, 1))))
    done = 0
    try:
        while done < total:
            count = body.readinto(buffer)
            seen.update(buffer[:count])
            done += count
            if on_progress is not None:
                on_progress(Progress("fetch", done, total))
            yield buffer[:count]
        body.finish()
        if whole:
            seen.check(body.key)
    finally:
        body.close()


def _extent(header: Optional[str], size: int) -> Tuple[int, int]:
    if header is None:
        return 0, size
    try:
        first, last = header[len("bytes ") : header.index("/")].split("-")
        return int(first), int(last) + 1
    except ValueError:
        raise ProtocolError(f"the daemon sent an unreadable Content-Range: {header}") from None


class ValueFile(io.RawIOBase):
    """A value like a file: read-only, with ``seek``. It asks for ranges as they are read.

    It stands for one key, that of the moment when it was opened: a tag may move meanwhile. Bytes
    are verified by the daemon; where ``blake3`` is installed and the file is read from start to
    end, this process verifies them, too, and the last read raises :class:`IntegrityError` if they
    do not match.
    """

    def __init__(self, http: Http, word: str, verify: bool, timeout: Optional[float]) -> None:
        super().__init__()
        self._http, self._timeout = http, timeout
        answer = http.head(read_path(word), timeout=timeout)
        self.key, self.size = head_of(answer, word)
        # A token that reaches a value by a path does not read it by its key (R007-332).
        self._word: str = word if http.address.token is not None else self.key
        self._position = 0
        self._window = FIRST_WINDOW
        self._body: Optional[Body] = None
        self._at = 0
        self._hash: Optional[Hash] = Hash(verify)
        self._hashed = 0

    @property
    def name(self) -> str:
        """The key."""
        return self.key

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves the position, in bytes; returns it. Asks the daemon for nothing."""
        self._check_open()
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative position: {base + offset}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        self._check_open()
        return self._position

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        self._check_open()
        view = memoryview(buffer).cast("B")
        wanted = min(view.nbytes, self.size - self._position)
        if wanted <= 0:
            return 0
        body = self._body_at(self._position, wanted)
        count = body.readinto(view[: min(wanted, body.left)])
        self._position += count
        self._at = self._position
        if body.left == 0:
            body.finish()
            self._body = None
        self._verify(view[:count])
        return count

    def readall(self) -> bytes:
        left = max(0, self.size - self._position)
        memory = bytearray(left)
        view, done = memoryview(memory), 0
        self._window = max(self._window, min(left, LARGEST_WINDOW))
        while done < left:
            done += self.readinto(view[done:])
        return bytes(memory)

    def close(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None
        super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def _body_at(self, position: int, wanted: int) -> Body:
        """A response with the bytes from a position on: larger ones while the reader goes on."""
        body = self._body
        if body is not None and self._at <= position <= self._at + min(DRAIN_BYTES, body.left - 1):
            skipped = memoryview(bytearray(position - self._at))
            while skipped.nbytes > 0:
                count = body.readinto(skipped)
                self._at += count
                skipped = skipped[count:]
            return body
        if body is not None:
            body.close()
            self._body = None
        goes_on = position == self._at
        self._window = min(self._window * 2, LARGEST_WINDOW) if goes_on else FIRST_WINDOW
        end = min(self.size, position + max(self._window, min(wanted, LARGEST_WINDOW)))
        body = open_body(self._http, self._word, f"{position}-{end - 1}", self._timeout)
        if body.key.digest != self.key.digest:
            body.close()
            raise ChangedError("the name was moved to another value while it was read")
        self._body, self._at = body, position
        return body

    def _verify(self, data: memoryview) -> None:
        """Hashes what was read, as long as it is read in order."""
        if not self._hash:
            return
        if self._hashed != self._position - data.nbytes:
            # Something was left out, or is read again: the hash can't be known.
            if self._position > self._hashed:
                self._hash = None
            return
        self._hash.update(data)
        self._hashed = self._position
        if self._hashed == self.size:
            self._hash.check(self.key)
            self._hash = None


def resolve_key(http: Http, word: str, timeout: Optional[float] = None) -> Tuple[Key, int, str]:
    """Key, size and kind (file, executable, directory or link) of what a word stands for."""
    path = read_path(word)
    answer = http.head(path, timeout=timeout)
    key = Key(answer.header("Dstore-Key") or "") if answer.header("Dstore-Key") else None
    entry = answer.header("Dstore-Entry")
    if key is None:
        raise UsageError(f"{word} is a symbolic link, which dstore never follows")
    if entry is None:
        entry = "directory" if key.kind == "directory" else "file"
    return key, int(answer.header("Dstore-Size") or 0), entry

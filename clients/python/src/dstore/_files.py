"""Files of this process: sending them, and writing values to them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from typing import Any, Callable, Dict, Iterator, Mapping, Optional

from ._http import Answer, Http
from ._reading import Body, pieces
from ._words import value_path
from .errors import (
    ChangedError,
    NotPermittedError,
    ProtocolError,
    UnreachableError,
    UnreadableError,
    UnwritableError,
    UsageError,
    error_of,
)
from .key import Key
from .types import OnProgress, Progress

INLINE_BYTES = 16 * 1024
"""The bytes of a file up to this size arrive as soon as its path would."""

READ_BYTES = 1024 * 1024


def open_regular(path: str) -> tuple[int, os.stat_result]:
    """A descriptor of a regular file, and its facts; ``unreadable`` for anything else (R007-95)."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {error.strerror}") from error
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableError(f"cannot read {path}: not a regular file")
        return fd, found
    except BaseException:
        os.close(fd)
        raise


def file_pieces(
    fd: int, found: os.stat_result, path: str, on_progress: Optional[OnProgress]
) -> Iterator[bytes]:
    """The bytes of a file. ``changed`` if it is not what it was when it was opened.

    The last piece comes only once that is known, so that nothing else can be stored.
    """
    done, held = 0, b""
    while done < found.st_size:
        part = os.read(fd, min(READ_BYTES, found.st_size - done))
        if not part:
            raise ChangedError(f"{path} became shorter while it was read")
        if held:
            yield held
        done, held = done + len(part), part
        if on_progress is not None:
            on_progress(Progress("store", done, found.st_size))
    now = os.fstat(fd)
    if (now.st_size, now.st_mtime_ns) != (found.st_size, found.st_mtime_ns):
        raise ChangedError(f"{path} changed while it was read")
    if held:
        yield held


def identity(found: os.stat_result) -> Dict[str, str]:
    """Device and inode as the API takes them: they may exceed what JSON's numbers keep."""
    return {"device": str(found.st_dev), "inode": str(found.st_ino)}


def result_of(answer: Answer, on_progress: Optional[OnProgress]) -> Any:
    """The result in the last event of a response; progress goes to the callback."""
    result: Any = None
    try:
        # To the end, so that the connection can be kept.
        for event in answer.documents():
            done = event_of(event, on_progress)
            result = result if done is None else done
    finally:
        answer.close()
    if result is None:
        raise UnreachableError("the daemon ended before it sent a result")
    return result


def event_of(event: Mapping[str, Any], on_progress: Optional[OnProgress]) -> Any:
    """The result in an event, None for progress. Raises the problem of a failure."""
    kind = event.get("event")
    if kind == "done":
        return event["result"]
    if kind == "failed":
        raise error_of(event.get("problem"))
    if kind == "progress" and on_progress is not None:
        on_progress(Progress(event["phase"], event["doneBytes"], event["totalBytes"]))
    return None


def put_by_path(
    http: Http,
    path: str,
    found: os.stat_result,
    keeper: Mapping[str, object],
    on_progress: Optional[OnProgress],
    timeout: Optional[float],
) -> Any:
    """Has the daemon read a file itself; None if it does not, and the bytes must be sent."""
    if http.address.unix is None or found.st_size <= INLINE_BYTES:
        return None
    real = os.path.realpath(path)
    try:
        real.encode("utf-8")
    except UnicodeEncodeError:
        return None
    document = {**keeper, "path": real, "size": found.st_size, **identity(found)}
    body = json.dumps(document).encode()
    try:
        line = result_of(http.call("POST", "/v1/files", body=body, timeout=timeout), on_progress)
    except (UnreadableError, NotPermittedError):
        return None
    if on_progress is not None:
        # Events are some time apart, and the last is rarely that of the end.
        on_progress(Progress("store", found.st_size, found.st_size))
    return line


def write_file(
    http: Http,
    path: str,
    key: Key,
    fetch: Callable[[], Body],
    *,
    verify: bool,
    on_progress: Optional[OnProgress],
    timeout: Optional[float],
) -> int:
    """Writes a value to a file, which appears whole or not at all; returns its size in bytes.

    A file that is there is replaced. Where it can, the daemon writes it itself.
    """
    folder, name = os.path.split(os.path.abspath(path))
    if os.path.isdir(path):
        raise UnwritableError(f"cannot write {path}: it is a folder")
    temporary = os.path.join(folder, f".dstore-python-{secrets.token_hex(6)}.part")
    try:
        fd = os.open(temporary, _CREATE, 0o666)
    except OSError as error:
        raise UnwritableError(f"cannot write {path}: {error.strerror}") from error
    try:
        try:
            size = _copy(http, temporary, fd, name, key, on_progress, timeout)
            if size is None:
                size = _stream(fd, fetch(), verify, on_progress, path)
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            os.replace(temporary, path)
        except OSError as error:
            raise UnwritableError(f"cannot write {path}: {error.strerror}") from error
        sync_folder(folder)
        return size
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


_CREATE = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)


def _copy(
    http: Http,
    temporary: str,
    fd: int,
    name: str,
    key: Key,
    on_progress: Optional[OnProgress],
    timeout: Optional[float],
) -> Optional[int]:
    """Has the daemon write the value (R007-182); None if it does not."""
    if http.address.unix is None:
        return None
    try:
        temporary.encode("utf-8")
    except UnicodeEncodeError:
        return None
    document = {"path": os.path.realpath(temporary), "name": name, **identity(os.fstat(fd))}
    try:
        answer = http.call(
            "POST", f"{value_path(key)}/copy", body=json.dumps(document).encode(), timeout=timeout
        )
        size = int(result_of(answer, on_progress)["size"])
    except (UnwritableError, NotPermittedError, UsageError):
        os.ftruncate(fd, 0)
        return None
    if on_progress is not None:
        on_progress(Progress("fetch", size, size))
    if os.fstat(fd).st_size != size:
        raise ProtocolError(f"the daemon wrote {os.fstat(fd).st_size} bytes of {size}")
    return size


def _stream(fd: int, body: Body, verify: bool, on_progress: Optional[OnProgress], path: str) -> int:
    size = body.left
    for part in pieces(body, verify, on_progress):
        write_all(fd, part, path)
    return size


def write_all(fd: int, part: memoryview, path: str) -> None:
    try:
        while part.nbytes > 0:
            part = part[os.write(fd, part) :]
    except OSError as error:
        raise UnwritableError(f"cannot write {path}: {error.strerror}") from error


def sync_folder(folder: str) -> None:
    """Makes the names in a folder durable, where the system can."""
    try:
        fd = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        with contextlib.suppress(OSError):
            os.fsync(fd)
    finally:
        os.close(fd)

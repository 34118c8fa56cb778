"""Files that the daemon holds for this process, and changes as they happen."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import threading
import time
from types import TracebackType
from typing import Any, BinaryIO, Iterator, Optional, Type

from ._files import event_of
from ._http import Answer, Http
from ._words import value_path
from .errors import DstoreError, RemovedError, UnreachableError, UnreadableError, error_of
from .key import Key
from .types import Change, OnProgress, change_of

NEWS_SECONDS = 0.5
"""How long a file that is not there may wait for the news that its value was removed."""


class OpenPath:
    """A file, or a folder of symbolic links to files, that stays while this is open.

    A context manager, and an ``os.PathLike``: give it to anything that opens a path. Files are
    read-only, and every process of this machine that maps one shares its memory. A map that was
    made before :meth:`close` or a removal stays usable; the path cannot be opened after a removal.
    """

    def __init__(self, http: Http, answer: Answer, result: Any) -> None:
        self._http, self._answer = http, answer
        self._over: Optional[DstoreError] = None
        self._rest = b""
        self.path: str = result["path"]
        """Absolute."""
        self.key = Key(result["key"])
        self.size: int = result["size"]
        """Bytes of the value; of a folder those of all files below it."""
        self.kind: str = result["kind"]
        """``file`` or ``folder``."""
        self._device, self._inode = int(result["device"]), int(result["inode"])

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<OpenPath {self.path}>"

    def __enter__(self) -> OpenPath:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def open(self) -> BinaryIO:
        """The file, opened for reading. It stays usable after :meth:`close`."""
        if self.kind != "file":
            raise IsADirectoryError(f"a folder: {self.path}")
        try:
            file = open(self.path, "rb")
        except OSError as error:
            removed = self.removed
            if removed is not None:
                raise removed from error
            raise UnreadableError(f"cannot read {self.path}: {error.strerror}") from error
        found = os.fstat(file.fileno())
        if (found.st_dev, found.st_ino) != (self._device, self._inode):
            file.close()
            raise _elsewhere(self.path)
        return file

    def mmap(self) -> mmap.mmap:
        """The bytes of the file as a read-only map. An empty file cannot be mapped."""
        with self.open() as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    @property
    def removed(self) -> Optional[DstoreError]:
        """Why the daemon no longer holds it, such as :class:`RemovedError`; None while it does."""
        if self._over is None and not self._answer.over:
            self._take_events()
        return self._over

    def close(self) -> None:
        """Ends the hold. What was opened or mapped stays usable."""
        self._answer.close()

    def _check_identity(self) -> None:
        """The path may mean another file for this process, such as one in a container."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            raise self._news() or _elsewhere(self.path) from None
        except OSError as error:
            raise UnreadableError(
                f"this process cannot reach {self.path}: {error.strerror}",
                "the folder is for the user of the daemon: use get",
            ) from error
        if (found.st_dev, found.st_ino) != (self._device, self._inode):
            raise _elsewhere(self.path)

    def _news(self) -> Optional[DstoreError]:
        """Waits a moment for the news that the value was removed, and the file with it."""
        give_up_at = time.monotonic() + NEWS_SECONDS
        while self.removed is None and time.monotonic() < give_up_at:
            time.sleep(0.01)
        return self._over

    def _take_events(self) -> None:
        """Takes the events that the daemon has sent since, without waiting."""
        part, ended = self._answer.arrived()
        *lines, self._rest = (self._rest + part).split(b"\n")
        try:
            for line in lines:
                # Between the lines are the heads of chunks.
                if line.startswith(b"{"):
                    self._take(json.loads(line))
            if ended:
                raise UnreachableError("the daemon ended, and its hold with it")
        except DstoreError as error:
            self._over = self._over or error

    def _take(self, event: Any) -> None:
        if event.get("event") == "removed":
            problem = event.get("problem")
            self._over = error_of(problem) if problem else RemovedError(f"removed: {self.key}")
        else:
            event_of(event, None)


def _elsewhere(path: str) -> DstoreError:
    return UnreadableError(
        f"the daemon's path is another file for this process, or none: {path}",
        "it runs in another mount namespace: mount the daemon's folder at the same path",
    )


def open_path(
    http: Http,
    word: str,
    executable: bool,
    on_progress: Optional[OnProgress],
    timeout: Optional[float],
) -> OpenPath:
    document = {"executable": True} if executable else {}
    answer = http.call(
        "POST", f"{value_path(word)}/path", body=json.dumps(document).encode(), timeout=timeout
    )
    try:
        rest = b""
        while True:
            part = answer.read_some()
            if not part:
                raise UnreachableError("the daemon ended before it gave a path")
            *lines, rest = (rest + part).split(b"\n")
            for at, line in enumerate(lines):
                result = event_of(json.loads(line), on_progress)
                if result is None:
                    continue
                held = OpenPath(http, answer, result)
                held._rest = b"\n".join([*lines[at + 1 :], rest])
                held._check_identity()
                return held
    except BaseException:
        answer.close()
        raise


class Watch:
    """Changes of the index as they happen: an iterator, and a context manager.

    Every change that comes after the call of :meth:`Client.watch` is given. Another thread may
    :meth:`close` it, which ends the loop.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._closed = threading.Event()
        self._changes = self._read()
        self.position: Optional[str] = None
        """Of the last change that was given: give it to ``watch(after=...)`` to resume."""
        self._lines = answer.lines()
        # The first event is where it starts.
        for line in self._lines:
            if line.startswith("id: "):
                self.position = line[4:]
                break

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Watch:
        return self

    def __next__(self) -> Change:
        return next(self._changes)

    def close(self) -> None:
        """Ends the loop. Safe to call from another thread, and more than once."""
        self._closed.set()
        self._answer.interrupt()

    def _read(self) -> Iterator[Change]:
        failed = False
        try:
            for line in self._lines:
                if line == "event: failed":
                    failed = True
                if not line.startswith("data: "):
                    continue
                data = json.loads(line[6:])
                if failed:
                    raise error_of(data)
                change = change_of(data)
                self.position = change.position
                yield change
            raise UnreachableError("the daemon ended")
        except DstoreError:
            if not self._closed.is_set():
                raise
        finally:
            with contextlib.suppress(DstoreError):
                self._answer.close()

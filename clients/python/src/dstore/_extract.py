"""Writing a directory to a folder (specs/008-directories.md, "Rules: extraction")."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Dict, List, Optional, Tuple

from ._files import sync_folder, write_all
from ._http import Http
from ._reading import open_body, pieces
from ._walk import DIRECTORY_DEPTH
from ._words import below
from .errors import IntegrityError, ProtocolError, TooLargeError, UnwritableError
from .types import Entry, OnProgress, Progress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from .client import Client

THREADS = 8
PREFIX, SUFFIX = ".dstore-python-", ".part"


def extract(
    client: Client,
    http: Http,
    word: str,
    path: str,
    on_progress: Optional[OnProgress],
    timeout: Optional[float],
) -> int:
    target = os.path.abspath(path)
    mode = _check_target(target, path)
    # It stands for one key, also if a tag moves. What a token reached by a path it reads by that.
    root = word if http.address.token is not None else client.resolve(word, timeout=timeout)
    parent = os.path.dirname(target)
    _remove_left(parent)
    staging = os.path.join(parent, f"{PREFIX}{secrets.token_hex(6)}{SUFFIX}")
    try:
        os.mkdir(staging, 0o700)
    except OSError as error:
        raise UnwritableError(f"cannot write {path}: {error.strerror}") from error
    lock = -1
    try:
        lock = os.open(os.path.join(staging, "lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tree = os.path.join(staging, "tree")
        os.mkdir(tree)
        size = _Extraction(client, http, on_progress, timeout).run(root, tree)
        if mode is not None:
            os.chmod(tree, mode)
        try:
            if mode is not None and os.name == "nt":
                os.rmdir(target)
            os.rename(tree, target)
        except OSError as error:
            raise UnwritableError(f"cannot write {path}: {error.strerror}") from error
        sync_folder(parent)
        return size
    finally:
        if lock >= 0:
            os.close(lock)
        shutil.rmtree(staging, ignore_errors=True)


def _check_target(target: str, path: str) -> Optional[int]:
    """The permissions of an empty folder; None if there is nothing. Refuses anything else."""
    try:
        found = os.lstat(target)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnwritableError(f"cannot write {path}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise UnwritableError(f"cannot write {path}: something that is no folder is there")
    if os.path.ismount(target):
        raise UnwritableError(f"cannot write {path}: a file system is mounted there")
    if os.path.realpath(target) == os.path.realpath(os.getcwd()):
        raise UnwritableError(f"cannot write {path}: it is the working directory")
    with os.scandir(target) as entries:
        if next(entries, None) is not None:
            raise UnwritableError(
                f"cannot write {path}: the folder is not empty", "give a new or an empty folder"
            )
    return stat.S_IMODE(found.st_mode)


def _remove_left(parent: str) -> None:
    """Removes staging folders of this user whose process was killed: no process locks them."""
    if fcntl is None:
        return
    for name in os.listdir(parent) if os.path.isdir(parent) else ():
        folder = os.path.join(parent, name)
        if not (name.startswith(PREFIX) and name.endswith(SUFFIX) and os.path.isdir(folder)):
            continue
        with contextlib.suppress(OSError):
            if os.lstat(folder).st_uid != os.getuid():
                continue
            fd = os.open(os.path.join(folder, "lock"), os.O_WRONLY)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(fd)


class _Extraction:
    def __init__(
        self,
        client: Client,
        http: Http,
        on_progress: Optional[OnProgress],
        timeout: Optional[float],
    ) -> None:
        self._client, self._http, self._timeout = client, http, timeout
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._done = 0
        self._total: Optional[int] = None

    def run(self, root: str, tree: str) -> int:
        links: List[Tuple[str, str]] = []
        folders = [tree]
        by_key = self._http.address.token is None
        with ThreadPoolExecutor(THREADS) as pool:
            running: List[Future[None]] = []
            # Entries of the folders on the way, the deepest last.
            left: List[Tuple[str, str, int]] = [(root, tree, 1)]
            try:
                while left:
                    word, folder, depth = left.pop()
                    if depth > DIRECTORY_DEPTH:
                        raise TooLargeError(f"more than {DIRECTORY_DEPTH} levels of folders")
                    entries = self._client.entries(word, timeout=self._timeout)
                    if self._total is None:
                        self._total = sum(entry.size for entry in entries)
                    seen: Dict[str, str] = {}
                    for entry in entries:
                        path = os.path.join(folder, _checked(entry.name))
                        if entry.type == "link":
                            links.append((path, entry.target or ""))
                            continue
                        at = str(entry.key) if by_key else below(word, entry.name)
                        if entry.type == "directory":
                            _make_folder(path, seen)
                            folders.append(path)
                            left.append((at, path, depth + 1))
                            continue
                        fd = _create(path, entry)
                        running.append(pool.submit(self._write, at, fd, path, entry))
                        if len(running) >= 4 * THREADS:
                            running = _settle(running, 2 * THREADS)
                _settle(running, 0)
            except BaseException:
                self._stop.set()
                raise
        # Links come last, so that nothing can be written through one.
        for path, target in links:
            try:
                os.symlink(target, path)
            except OSError as error:
                raise UnwritableError(f"cannot write {path}: {error.strerror}") from error
        for folder in folders:
            sync_folder(folder)
        return self._done

    def _write(self, word: str, fd: int, path: str, entry: Entry) -> None:
        try:
            if self._stop.is_set():
                return
            body = open_body(self._http, word, None, self._timeout)
            if body.size != entry.size:
                body.close()
                raise IntegrityError(f"{path}: {body.size} bytes, where {entry.size} are stated")
            for part in pieces(body, self._client._verify):
                write_all(fd, part, path)
                with self._lock:
                    self._done += part.nbytes
                    if self._on_progress is not None:
                        self._on_progress(Progress("fetch", self._done, self._total))
                if self._stop.is_set():
                    body.close()
                    return
            os.fsync(fd)
        finally:
            os.close(fd)


def _settle(running: List[Future[None]], most: int) -> List[Future[None]]:
    """Waits until at most this many are left; raises the first failure."""
    while len(running) > most:
        running.pop(0).result()
    return running


def _create(path: str, entry: Entry) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        return os.open(
            path, flags | getattr(os, "O_CLOEXEC", 0), 0o777 if entry.executable else 0o666
        )
    except FileExistsError:
        raise _meets(path) from None
    except OSError as error:
        raise UnwritableError(f"cannot write {path}: {error.strerror}") from error


def _make_folder(path: str, seen: Dict[str, str]) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        raise _meets(path) from None
    except OSError as error:
        raise UnwritableError(f"cannot write {path}: {error.strerror}") from error


def _meets(path: str) -> UnwritableError:
    return UnwritableError(
        f"{path}: another entry of the directory has this name on this file system"
    )


def _checked(name: str) -> str:
    """A name that no directory has must not lead out of the folder, whatever the daemon says."""
    if name in ("", ".", "..") or "/" in name or "\0" in name or (os.sep != "/" and os.sep in name):
        raise ProtocolError(f"the daemon sent a name that no entry can have: {name!r}")
    return name

"""``dstore://`` for fsspec, and so for pandas, pyarrow, DuckDB, zarr and others.

A path is a word: ``dstore://models/v1/config.json`` is a name, or a path below the name of a
directory; ``dstore://bafkr4i.../x`` begins at a key. Names are like the keys of an object store:
folders exist while something is below them, and making one does nothing.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import uuid
from datetime import datetime
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Union

from fsspec.callbacks import DEFAULT_CALLBACK, Callback
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem
from fsspec.utils import isfilelike, stringify_path

from .client import Client, Duration, connect
from .errors import (
    ConflictError,
    MalformedKeyError,
    NotFoundError,
    NotPermittedError,
    UsageError,
)
from .key import Key
from .types import Entry, Name, Progress

SPOOL_BYTES = 16 * 1024 * 1024
"""A file that is written stays in memory up to this size, then in a temporary file."""


class DstoreFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Names and directories of a daemon as a file system.

    The parameters up to ``timeout`` are those of :func:`dstore.connect`. ``kind`` is that of names
    that are written: a ``tag`` can be written again, a ``fixed`` name cannot. ``expires`` and
    ``keep`` are as in :meth:`Client.put`, in seconds.
    """

    protocol = "dstore"
    root_marker = ""
    cachable = True

    def __init__(
        self,
        dir: Optional[str] = None,
        socket: Optional[str] = None,
        url: Optional[str] = None,
        token: Optional[str] = None,
        start: bool = True,
        verify: Optional[bool] = None,
        timeout: Optional[float] = None,
        kind: str = "tag",
        expires: Optional[Duration] = None,
        keep: Optional[Duration] = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if kind not in ("tag", "fixed"):
            raise ValueError(f"kind must be tag or fixed, not {kind!r}")
        self._settings: Dict[str, Any] = {"dir": dir, "socket": socket, "url": url, "token": token}
        self._settings.update(start=start, verify=verify, timeout=timeout)
        self._naming: Dict[str, Any] = {"tag": kind == "tag", "expires": expires}
        if kind == "tag":
            self._naming["keep"] = keep
        self._client: Optional[Client] = None

    @property
    def client(self) -> Client:
        """The client behind it, which connects at the first call."""
        if self._client is None:
            self._client = connect(**self._settings)
        return self._client

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        return super()._strip_protocol(path).lstrip("/")

    # Facts

    def info(self, path: str, **_: Any) -> Dict[str, Any]:
        path = self._strip_protocol(path)
        if path == "":
            return _folder("")
        with _faults(path):
            try:
                key, size, kind = self._find(path)
                if kind == "directory":
                    return {**_folder(path), "key": key}
                return {
                    "name": path,
                    "size": size,
                    "type": "file",
                    "key": key,
                    "exec": kind != "file",
                }
            except (NotFoundError, UsageError) as error:
                if _is_link(error):
                    return self._link(path)
                if not self._is_prefix(path):
                    raise FileNotFoundError(path) from error
                return _folder(path)

    def _link(self, path: str) -> Dict[str, Any]:
        """Only the list of its folder says where a link leads."""
        folder = path.rpartition("/")[0]
        return next(one for one in self._list(folder) if one["name"] == path)

    def _find(self, path: str) -> tuple[Key, int, str]:
        from ._reading import resolve_key

        return resolve_key(self.client._http, path)

    def _is_prefix(self, path: str) -> bool:
        """Whether there are names below a path."""
        return next(self.client.names(path + "/", limit=1), None) is not None

    def exists(self, path: str, **_: Any) -> bool:
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def ls(self, path: str, detail: bool = True, **_: Any) -> List[Any]:
        path = self._strip_protocol(path)
        with _faults(path):
            found = self._list(path)
        return found if detail else sorted(one["name"] for one in found)

    def _list(self, path: str) -> List[Dict[str, Any]]:
        if path != "":
            known = self.info(path)
            if known["type"] != "directory":
                return [known]
            if "key" in known:
                entries = self.client.entries(path)
                return [_of_entry(f"{path}/{entry.name}", entry) for entry in entries]
        prefix = f"{path}/" if path else ""
        found = []
        for one in self.client.level(prefix):
            if isinstance(one, Name):
                found.append(_of_name(one))
            else:
                found.append(_folder(one.prefix.rstrip("/")))
        return found

    def created(self, path: str) -> datetime:
        """When the name was bound. Of what is below a directory: ``FileNotFoundError``."""
        path = self._strip_protocol(path)
        with _faults(path):
            bound = self.client.name(path).bound_at
        if bound is None:
            raise FileNotFoundError(path)
        return bound

    def modified(self, path: str) -> datetime:
        """When the name was bound to what it stands for now."""
        return self.created(path)

    def checksum(self, path: str) -> int:
        """A number that differs for other bytes: the BLAKE3 hash of them."""
        return int(self.info(path)["key"].hex, 16)

    def ukey(self, path: str) -> str:
        """The key."""
        return str(self.info(path)["key"])

    # Reading

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: Any = None,
        autocommit: bool = True,
        cache_options: Any = None,
        **options: Any,
    ) -> Any:
        if mode == "rb":
            return DstoreFile(
                self, path, mode, block_size or "default", cache_options=cache_options, **options
            )
        if mode not in ("wb", "xb"):
            raise NotImplementedError(f"mode {mode!r}: a value is written whole, or not at all")
        if mode == "xb" and self.exists(path):
            raise FileExistsError(path)
        return _Writer(self, path, autocommit)

    def cat_file(
        self, path: str, start: Optional[int] = None, end: Optional[int] = None, **_: Any
    ) -> bytes:
        path = self._strip_protocol(path)
        with _faults(path):
            if start is None and end is None:
                return self.client.get(path)
            key, size, _kind = self._find(path)
            first, behind, _step = slice(start, end).indices(size)
            if behind <= first:
                return b""
            word = path if self._settings["token"] else key
            return self.client.get(word, start=first, end=behind)

    def get_file(
        self,
        rpath: str,
        lpath: Any,
        callback: Callback = DEFAULT_CALLBACK,
        outfile: Any = None,
        **options: Any,
    ) -> None:
        rpath = self._strip_protocol(rpath)
        if outfile is not None or isfilelike(lpath):
            super().get_file(rpath, lpath, callback=callback, outfile=outfile, **options)
            return
        lpath = stringify_path(lpath)
        found = self.info(rpath)
        if found["type"] == "directory":
            os.makedirs(lpath, exist_ok=True)
            return
        os.makedirs(os.path.dirname(os.path.abspath(lpath)), exist_ok=True)
        if found["type"] == "link":
            _write_link(found["destination"], lpath)
            return
        with _faults(rpath):
            self.client.get_file(rpath, lpath, on_progress=_reporting(callback))

    # Writing

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        path = self._strip_protocol(path)
        if mode == "create" and self.exists(path):
            raise FileExistsError(path)
        with _faults(path):
            self.client.put(value, name=path, **self._naming)

    def put_file(
        self,
        lpath: Any,
        rpath: str,
        callback: Callback = DEFAULT_CALLBACK,
        mode: str = "overwrite",
        **_: Any,
    ) -> None:
        rpath = self._strip_protocol(rpath)
        if mode == "create" and self.exists(rpath):
            raise FileExistsError(rpath)
        if os.path.isdir(lpath):
            return
        with _faults(rpath):
            self.client.put_file(
                lpath, name=rpath, on_progress=_reporting(callback), **self._naming
            )

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        """Binds another name to the same value: no bytes move."""
        path1, path2 = self._strip_protocol(path1), self._strip_protocol(path2)
        found = self.info(path1)
        if "key" not in found:
            return
        with _faults(path2):
            if self._naming["tag"]:
                self.client.tag(
                    path2, found["key"], expires=self._naming["expires"], keep=self._naming["keep"]
                )
            else:
                self.client.bind(path2, found["key"], expires=self._naming["expires"])

    def rm(
        self, path: Union[str, List[str]], recursive: bool = False, maxdepth: Optional[int] = None
    ) -> None:
        """Unbinds names, and removes each value with its last name. ``maxdepth`` bounds globs."""
        for one in [path] if isinstance(path, str) else path:
            for found in self.expand_path(one, recursive=False, maxdepth=maxdepth):
                self._remove(found, recursive)

    def _remove(self, path: str, recursive: bool) -> None:
        found = self.info(path)
        if "key" in found:
            self.rm_file(path)
            if not self._is_prefix(path):
                return
        elif not recursive:
            raise IsADirectoryError(f"{path}: give recursive=True to remove all names below it")
        with _faults(path):
            for name in list(self.client.names(path + "/")):
                self.client.remove(name.name)

    def rm_file(self, path: str) -> None:
        path = self._strip_protocol(path)
        with _faults(path):
            try:
                self.client.remove(path)
            except NotFoundError:
                if not self.exists(path):
                    raise
                raise PermissionError(
                    f"{path} is part of a directory, which never changes"
                ) from None

    _rm = rm_file

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Does nothing: a folder exists while something is below it."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Does nothing, as :meth:`mkdir`."""

    def rmdir(self, path: str) -> None:
        """Does nothing: a folder is gone when nothing is below it."""

    def invalidate_cache(self, path: Optional[str] = None) -> None:
        """Does nothing: no list is kept."""


class DstoreFile(AbstractBufferedFile):  # type: ignore[misc]
    """A value, read through one of fsspec's caches. It stands for one key, also if a tag moves."""

    def __init__(self, fs: DstoreFileSystem, path: str, *args: Any, **options: Any) -> None:
        with _faults(path):
            key, size, kind = fs._find(path)
        if kind == "directory":
            raise IsADirectoryError(path)
        self.key = key
        self._word = path if fs._settings["token"] else key
        details = {"name": path, "size": size, "type": "file", "key": key}
        options["size"] = size
        super().__init__(fs, path, *args, **options)
        self._details = details

    def _fetch_range(self, start: int, end: int) -> bytes:
        end = min(end, self.size)
        if end <= start:
            return b""
        with _faults(self.path):
            whole = start == 0 and end == self.size
            client: Client = self.fs.client
            # A whole value is verified in this process, too.
            return client.get(self._word) if whole else client.get(self._word, start=start, end=end)


class _Writer(io.RawIOBase):
    """Collects what is written, and stores it when it is closed: whole, or not at all."""

    def __init__(self, fs: DstoreFileSystem, path: str, autocommit: bool) -> None:
        super().__init__()
        self.fs, self.path, self.autocommit = fs, path, autocommit
        self._file: BinaryIO = tempfile.SpooledTemporaryFile(SPOOL_BYTES, prefix="dstore-")  # type: ignore[assignment]
        self.mode = "wb"

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        self._file.write(data)
        return memoryview(data).nbytes

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if self.closed:
            return
        try:
            if self.autocommit:
                self.commit()
        finally:
            super().close()

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is not None:
            # What was written before a failure is not the file.
            self.autocommit = False
            self.close()
            self.discard()
        else:
            self.close()

    def commit(self) -> None:
        """Stores it under its name."""
        self._file.seek(0)
        with _faults(self.path), self._file as file:
            self.fs.client.put(file, name=self.path, **self.fs._naming)

    def discard(self) -> None:
        """Forgets it."""
        self._file.close()


def _folder(path: str) -> Dict[str, Any]:
    return {"name": path, "size": 0, "type": "directory"}


def _of_name(name: Name) -> Dict[str, Any]:
    kind = "directory" if name.key.kind == "directory" else "file"
    size = (name.size or 0) if kind == "file" else 0
    return {
        "name": name.name,
        "size": size,
        "type": kind,
        "key": name.key,
        "created": name.bound_at,
    }


def _of_entry(path: str, entry: Entry) -> Dict[str, Any]:
    if entry.type == "link":
        return {"name": path, "size": 0, "type": "link", "destination": entry.target}
    size = entry.size if entry.type == "file" else 0
    return {"name": path, "size": size, "type": entry.type, "key": entry.key}


def _write_link(target: str, path: str) -> None:
    """Makes a symbolic link, as ``get_folder`` does, in the place of a file that is there."""
    made = f"{path}.{uuid.uuid4().hex}"
    os.symlink(target, made)
    try:
        os.replace(made, path)
    except BaseException:
        os.unlink(made)
        raise


def _is_link(error: Exception) -> bool:
    return isinstance(error, UsageError) and "symbolic link" in str(error)


def _reporting(callback: Callback) -> Any:
    def report(progress: Progress) -> None:
        if progress.total_bytes is not None:
            callback.set_size(progress.total_bytes)
        callback.absolute_update(progress.done_bytes)

    return None if callback is DEFAULT_CALLBACK else report


@contextlib.contextmanager
def _faults(path: str) -> Iterator[None]:
    """Faults as the errors that users of fsspec expect; those without one stay as they are."""
    try:
        yield
    except (NotFoundError, MalformedKeyError) as error:
        raise FileNotFoundError(str(error)) from error
    except ConflictError as error:
        raise FileExistsError(str(error)) from error
    except NotPermittedError as error:
        raise PermissionError(str(error)) from error
    except UsageError as error:
        if "is a directory" in str(error):
            raise IsADirectoryError(path) from error
        raise

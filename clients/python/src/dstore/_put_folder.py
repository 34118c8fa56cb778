"""Putting a folder: files under a hold, then directories from the lowest up (specs/008)."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ._cbor import Field, encode_directory
from ._files import INLINE_BYTES, file_pieces, open_regular, put_by_path
from ._http import Http
from ._verify import AVAILABLE, Hash
from ._walk import File, Folder, walk
from .errors import ChangedError, ConflictError, DstoreError, IntegrityError, TooLargeError
from .key import Key
from .types import OnProgress, Progress

BATCH_BYTES = 1024 * 1024
BATCH_ITEMS = 1024
KEYS_BYTES = 64 * 1024 - 64
DIRECTORY_BYTES = 16 * 1024 * 1024
TRIES = 4
"""A child that was removed meanwhile is sent again, at most three times (R008-56)."""


class FolderPut:
    """One put of a folder."""

    def __init__(
        self, http: Http, verify: bool, on_progress: Optional[OnProgress], timeout: Optional[float]
    ) -> None:
        self._http, self._verify, self._timeout = http, verify, timeout
        self._on_progress = on_progress
        self._done = self._total = 0
        self._hold = ""

    def run(self, path: str, follow: bool, query: Mapping[str, object]) -> tuple[Any, Folder]:
        """Stores the folder; the answer to its commit. ``query`` says how it is named."""
        top, levels = walk(path, follow)
        files = [one for level in levels for folder in level for one in folder.files.values()]
        self._total = sum(one.found.st_size for one in files)
        answer = self._http.json("POST", "/v1/holds", repeatable=True, timeout=self._timeout)
        self._hold = answer["hold"]
        try:
            for turn in range(1, TRIES + 1):
                self._done = 0
                self._put_files(files)
                missing = self._make_directories(levels)
                if not missing:
                    break
                if turn == TRIES:
                    raise ConflictError(f"{missing} values of the folder were removed meanwhile")
            body = json.dumps({"key": top.key}).encode()
            asked = {**query, "hold": self._hold}
            made = self._http.json(
                "POST", "/v1/trees", query=asked, body=body, repeatable=True, timeout=self._timeout
            )
        except ConflictError:
            # Any other failure keeps it for a day, so that a repeat sends only the rest (R008-57).
            with contextlib.suppress(DstoreError):
                self._http.call("DELETE", f"/v1/holds/{self._hold}").text()
            raise
        return made, top

    def _report(self, more: int) -> None:
        self._done += more
        if self._on_progress is not None:
            self._on_progress(Progress("store", self._done, self._total))

    def _put_files(self, files: Sequence[File]) -> None:
        missing = self._missing(files) if self._verify and AVAILABLE else list(files)
        small = [one for one in missing if one.found.st_size <= INLINE_BYTES]
        for batch in _batches(small, lambda one: one.found.st_size, BATCH_BYTES):
            self._put_batch(batch)
        for one in missing:
            if one.found.st_size > INLINE_BYTES:
                _set_key(one, self._put_large(one))

    def _missing(self, files: Sequence[File]) -> List[File]:
        """Hashes all files, and asks which of them the store does not have."""
        done = 0
        for one in files:
            seen = Hash(True)
            fd, _ = open_regular(one.path)
            try:
                for part in file_pieces(fd, one.found, one.path, None):
                    seen.update(part)
                    done += len(part)
                    if self._on_progress is not None:
                        self._on_progress(Progress("hash", done, self._total))
            finally:
                os.close(fd)
            one.key = Key.of_digest(seen.digest() or b"")
        by_key: Dict[Key, File] = {one.key: one for one in files if one.key is not None}
        missing: List[File] = []
        for keys in _batches(list(by_key), lambda key: len(key) + 4, KEYS_BYTES):
            for key, exists in zip(keys, self._ask("present", keys)):
                if not exists:
                    missing.append(by_key[key])
        sent = sum(one.found.st_size for one in missing)
        self._report(self._total - sent)
        return missing

    def _ask(self, what: str, keys: Sequence[str]) -> Iterator[Any]:
        answer = self._http.call(
            "POST",
            f"/v1/holds/{self._hold}/{what}",
            headers={"TE": "trailers"},
            body=json.dumps({"keys": keys}).encode(),
            repeatable=True,
            timeout=self._timeout,
        )
        return answer.documents()

    def _put_batch(self, batch: Sequence[File]) -> None:
        values: List[bytes] = []
        for one in batch:
            fd, found = open_regular(one.path)
            try:
                _check_same(one, found)
                values.append(b"".join(file_pieces(fd, one.found, one.path, None)))
            finally:
                os.close(fd)
        for one, key in zip(batch, self._put_values(values)):
            _set_key(one, key)
        self._report(sum(map(len, values)))

    def _put_values(self, values: Sequence[bytes]) -> List[Key]:
        answer = self._http.call(
            "POST",
            "/v1/batch",
            query={"hold": self._hold},
            headers={"TE": "trailers", "Dstore-Sizes": ",".join(str(len(one)) for one in values)},
            body=b"".join(values),
            repeatable=True,
            timeout=self._timeout,
        )
        keys = [Key(line["key"]) for line in answer.documents()]
        for value, key in zip(values, keys):
            self._check(value, key)
        return keys

    def _check(self, value: bytes, key: Key) -> None:
        seen = Hash(self._verify)
        seen.update(value)
        seen.check(key, "the daemon stored other bytes than were sent")

    def _put_large(self, one: File) -> Key:
        fd, found = open_regular(one.path)
        before = self._done
        try:
            _check_same(one, found)

            def report(progress: Progress) -> None:
                if progress.phase == "store":
                    self._report(before + progress.done_bytes - self._done)

            keeper = {"hold": self._hold}
            line = put_by_path(self._http, one.path, found, keeper, report, self._timeout)
            if line is None:
                self._done = before
                seen = Hash(self._verify)

                def hashed() -> Iterator[bytes]:
                    for part in file_pieces(fd, found, one.path, report):
                        seen.update(part)
                        yield part

                line = self._http.json(
                    "POST",
                    "/v1/values",
                    query=keeper,
                    body=hashed(),
                    length=found.st_size,
                    timeout=self._timeout,
                )
                seen.check(Key(line["key"]), "the daemon stored other bytes than were sent")
        finally:
            os.close(fd)
        self._report(before + found.st_size - self._done)
        return Key(line["key"])

    def _make_directories(self, levels: Sequence[Sequence[Folder]]) -> int:
        """Makes the directories of all levels; the number of values that are missing."""
        for level in reversed(levels):
            encoded = [_encode(folder) for folder in level]
            pairs = list(zip(level, encoded))
            small = [pair for pair in pairs if len(pair[1]) <= INLINE_BYTES]
            for batch in _batches(small, lambda pair: len(pair[1]), BATCH_BYTES):
                for (folder, _), key in zip(batch, self._put_values([one for _, one in batch])):
                    folder.key = Key.of_digest(key.digest, "directory")
            for folder, value in pairs:
                if len(value) > INLINE_BYTES:
                    line = self._http.json(
                        "POST",
                        "/v1/values",
                        query={"hold": self._hold},
                        body=value,
                        timeout=self._timeout,
                    )
                    self._check(value, Key(line["key"]))
                    folder.key = Key.of_digest(Key(line["key"]).digest, "directory")
            keys = list(dict.fromkeys(folder.key for folder in level if folder.key is not None))
            for some in _batches(keys, lambda key: len(key) + 4, KEYS_BYTES):
                missing = sum(len(line["missing"]) for line in self._ask("directories", some))
                if missing:
                    return missing
        return 0


def _encode(folder: Folder) -> bytes:
    entries: Dict[str, Dict[str, Field]] = {}
    folder.size = folder.count = 0
    for name, one in folder.files.items():
        assert one.key is not None
        entry: Dict[str, Field] = {"src": one.key, "size": one.found.st_size}
        if one.executable:
            entry["exec"] = True
        entries[name] = entry
        folder.size, folder.count = folder.size + one.found.st_size, folder.count + 1
    for name, child in folder.folders.items():
        assert child.key is not None
        entries[name] = {"tree": child.key, "size": child.size, "files": child.count}
        folder.size, folder.count = folder.size + child.size, folder.count + child.count
    for name, link in folder.links.items():
        entries[name] = {"to": link.target}
    value = encode_directory(entries)
    if len(value) > DIRECTORY_BYTES:
        raise TooLargeError(f"{folder.path} has too many entries for one directory")
    return value


def _check_same(one: File, found: os.stat_result) -> None:
    was, now = one.found, found
    if (was.st_size, was.st_mtime_ns, was.st_ino) != (now.st_size, now.st_mtime_ns, now.st_ino):
        raise ChangedError(f"{one.path} changed while the folder was put")


def _set_key(one: File, key: Key) -> None:
    if one.key is not None and one.key.digest != key.digest:
        raise IntegrityError(f"the daemon stored other bytes than {one.path} has")
    one.key = key


def _batches(items: Sequence[Any], size: Any, most: int) -> Iterator[List[Any]]:
    batch: List[Any] = []
    total = 0
    for item in items:
        length = size(item)
        if batch and (total + length > most or len(batch) == BATCH_ITEMS):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += length
    if batch:
        yield batch

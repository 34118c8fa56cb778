"""Daemons for the tests. `DSTORE_BIN` names the program; else that of this repository is run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Iterator, List

import pytest

import dstore

ROOT = Path(__file__).resolve().parents[3]
os.environ.setdefault("DSTORE_BIN", str(ROOT / "dist" / "dstore.js"))
for variable in ("DSTORE_DIR", "DSTORE_SOCKET", "DSTORE_NO_START", "DSTORE_TIMEOUT"):
    os.environ.pop(variable, None)


def command(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    """Runs the command line."""
    program = [os.environ["DSTORE_BIN"], *arguments]
    return subprocess.run(program, capture_output=True, check=True, timeout=120, **options)  # type: ignore[call-overload, no-any-return]


try:
    INSTALLED = metadata.distribution("dstore-client").entry_points
except metadata.PackageNotFoundError:
    # The sources are on the path, and pip has registered nothing.
    INSTALLED = None
    with contextlib.suppress(ImportError):
        import fsspec

        fsspec.register_implementation("dstore", "dstore.filesystem.DstoreFileSystem")


class Nodes:
    """State directories whose daemons end with the test."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._made: List[Path] = []

    def folder(self) -> Path:
        path = self._base / f"n{len(self._made)}"
        self._made.append(path)
        return path

    def start(self, *flags: str) -> Path:
        path = self.folder()
        command("start", "--dir", str(path), *flags)
        return path

    def stop(self, *paths: Path) -> None:
        for path in paths or self._made:
            command("stop", "--dir", str(path))


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    with tempfile.TemporaryDirectory(prefix="dstore-") as base:
        made = Nodes(Path(base))
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="session")
def home(nodes: Nodes) -> Path:
    """The state directory of a standalone node that serves over TCP, too."""
    return nodes.start("--http", "127.0.0.1:0")


@pytest.fixture(scope="session")
def store(home: Path) -> Iterator[dstore.Client]:
    with dstore.connect(home) as client:
        yield client


@pytest.fixture(scope="session")
def remote(home: Path, store: dstore.Client) -> Iterator[dstore.Client]:
    """The same node over TCP, where the daemon reads and writes no files for its clients."""
    url = store.status()["daemon"]["http"]["url"]
    token = (home / "http-token").read_text().strip()
    with dstore.connect(url=url, token=token) as client:
        yield client

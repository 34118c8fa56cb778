"""Where the daemon of a state directory serves (specs/007, R007-1 and R007-6), and starting one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import List, Optional, Type, Union

from .errors import (
    ConflictError,
    DstoreError,
    NoSpaceError,
    NotPermittedError,
    UnreachableError,
    UnreadableError,
    UnwritableError,
    UsageError,
)

Path = Union[str, "os.PathLike[str]"]

START_SECONDS = 60
"""The longest time that a start may take. `dstore start` itself gives up before."""


@dataclass(frozen=True)
class Place:
    """A state directory, and the socket of its daemon. Both paths are absolute."""

    directory: str
    socket: str
    socket_given: bool
    fault: Optional[DstoreError] = None
    """Why the saved settings, which may name another socket, cannot be read."""


def find_place(directory: Optional[Path] = None, socket: Optional[Path] = None) -> Place:
    """Chooses by the arguments, then the environment, then the saved settings."""
    base = _directory(directory)
    chosen = os.fspath(socket) if socket is not None else os.environ.get("DSTORE_SOCKET", "")
    if chosen:
        return Place(base, os.path.abspath(chosen), True)
    default = os.path.join(base, "dstore.sock")
    try:
        with open(os.path.join(base, "config.json"), encoding="utf-8") as file:
            saved = json.load(file).get("socket")
    except FileNotFoundError:
        return Place(base, default, False)
    except (OSError, ValueError, AttributeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        fault = UnreadableError(f"the saved settings cannot be read: {base}/config.json ({why})")
        return Place(base, default, False, fault)
    return Place(base, os.path.join(base, saved or default), False)


def _directory(given: Optional[Path]) -> str:
    if given is not None:
        return os.path.abspath(os.fspath(given))
    chosen = os.environ.get("DSTORE_DIR", "")
    if chosen:
        return os.path.abspath(chosen)
    data = os.environ.get("XDG_DATA_HOME", "")
    if not data.startswith("/"):
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            raise UsageError(
                "there is no home directory to keep the state directory in",
                "choose a state directory with `dir` or DSTORE_DIR",
            )
        data = os.path.join(home, ".local", "share")
    return os.path.join(data, "dstore")


def may_start() -> bool:
    return os.environ.get("DSTORE_NO_START") != "1"


_BY_EXIT: dict[int, Type[DstoreError]] = {
    1: UnwritableError,
    2: UsageError,
    5: UnreachableError,
    6: NotPermittedError,
    7: NoSpaceError,
    9: ConflictError,
}


def start_daemon(place: Place) -> None:
    """Starts a daemon with its saved settings; returns when it serves."""
    program = os.environ.get("DSTORE_BIN", "") or shutil.which("dstore")
    if not program:
        raise UnreachableError(
            f"no daemon is running for {place.directory}, and there is no `dstore` on PATH",
            "install dstore, or name its program in DSTORE_BIN",
        )
    command: List[str] = [program, "start", f"--dir={place.directory}"]
    if place.socket_given:
        command.append(f"--socket={place.socket}")
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=START_SECONDS,
            check=False,
        )
    except OSError as error:
        raise UnreachableError(f"{program} cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"{program} start did not end in {START_SECONDS} s") from error
    if done.returncode == 0:
        return
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines()]
    text = next((line for line in lines if line), f"exit code {done.returncode}")
    hints = [line[6:] for line in lines if line.startswith("hint: ")]
    kind = _BY_EXIT.get(done.returncode, UnreachableError)
    raise kind(text[8:] if text.startswith("dstore: ") else text, hints[0] if hints else None)

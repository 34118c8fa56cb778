"""What is in a folder that is put (specs/008-directories.md, "Rules: putting a folder")."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

from .errors import TooLargeError, UnreadableError, UsageError
from .key import Key

DIRECTORY_DEPTH = 1000
ENTRY_NAME_BYTES = 255
LINK_TARGET_BYTES = 4095
LINKS_FOLLOWED = 40


@dataclass
class File:
    """A regular file. ``key`` is known once it was hashed or put."""

    path: str
    found: os.stat_result
    key: Optional[Key] = None

    @property
    def executable(self) -> bool:
        return bool(self.found.st_mode & stat.S_IXUSR)


@dataclass
class Link:
    target: str


@dataclass
class Folder:
    path: str
    files: Dict[str, File] = field(default_factory=dict)
    links: Dict[str, Link] = field(default_factory=dict)
    folders: Dict[str, Folder] = field(default_factory=dict)
    key: Optional[Key] = None
    size: int = 0
    """Bytes of all files below it."""
    count: int = 0
    """Number of all files below it."""


def walk(path: str, follow: bool) -> tuple[Folder, List[List[Folder]]]:
    """A folder, and all folders by their level, the root first. Sends nothing, opens no file."""
    root = os.path.abspath(path)
    try:
        status = os.stat(root)
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise UnreadableError(f"cannot read {path}: not a folder")
    top = Folder(root)
    levels = [[top]]
    # Each folder with the one that links may not leave, and those that it is in.
    current: List[Tuple[Folder, str, Tuple[Tuple[int, int], ...]]] = [
        (top, os.path.realpath(root), ((status.st_dev, status.st_ino),))
    ]
    while current:
        if len(levels) > DIRECTORY_DEPTH:
            raise TooLargeError(
                f"{current[0][0].path} is below more than {DIRECTORY_DEPTH} folders"
            )
        below: List[Tuple[Folder, str, Tuple[Tuple[int, int], ...]]] = []
        for folder, inside, above in current:
            below.extend(_read(folder, inside, above, follow))
        levels.append([one for one, _, _ in below])
        current = below
    return top, levels[:-1]


def _read(
    folder: Folder, inside: str, above: Tuple[Tuple[int, int], ...], follow: bool
) -> list[Tuple[Folder, str, Tuple[Tuple[int, int], ...]]]:
    found: List[Tuple[Folder, str, Tuple[Tuple[int, int], ...]]] = []
    try:
        with os.scandir(folder.path) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as error:
        raise UnreadableError(f"cannot read {folder.path}: {error.strerror}") from error
    for name in names:
        path = os.path.join(folder.path, name)
        _check_text(name, path, "its name")
        if len(name.encode("utf-8")) > ENTRY_NAME_BYTES:
            raise UsageError(f"{path}: its name has more than {ENTRY_NAME_BYTES} bytes")
        status = _stat(path, os.lstat)
        within = inside
        if stat.S_ISLNK(status.st_mode):
            target = os.readlink(path)
            _check_text(target, path, "what it points to")
            if not leaves(inside, os.path.realpath(folder.path), target):
                if len(target.encode("utf-8")) > LINK_TARGET_BYTES:
                    raise UsageError(f"{path}: what it points to is too long")
                folder.links[name] = Link(target)
                continue
            if not follow:
                raise UsageError(
                    f"{path}: a link that leaves the folder: {target}",
                    "`follow=True` stores what such links point to",
                )
            status = _stat(path, os.stat)
            within = os.path.realpath(path)
        if stat.S_ISREG(status.st_mode):
            folder.files[name] = File(path, status)
        elif stat.S_ISDIR(status.st_mode):
            mark = (status.st_dev, status.st_ino)
            if mark in above:
                raise UsageError(f"{path}: a link to a folder that it is in")
            child = Folder(path)
            folder.folders[name] = child
            found.append((child, within, (*above, mark)))
        else:
            raise UsageError(f"{path}: not a file, a folder or a symbolic link")
    return found


def _stat(path: str, ask: object) -> os.stat_result:
    try:
        return ask(path)  # type: ignore[operator, no-any-return]
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {error.strerror}") from error


def leaves(root: str, folder: str, target: str) -> bool:
    """Whether the way of a link in ``folder`` is outside of ``root`` at any step (R008-44).

    Both paths are real ones. A link that leads in a circle or to nothing stays.
    """
    if target.startswith("/"):
        return True
    at = [] if folder == root else os.path.relpath(folder, root).split(os.sep)
    left = target.split("/")[::-1]
    followed = 0
    while left:
        name = left.pop()
        if name in ("", "."):
            continue
        if name == "..":
            if not at:
                return True
            at.pop()
            continue
        at.append(name)
        try:
            next_target = os.readlink(os.path.join(root, *at))
        except OSError as error:
            if error.errno == errno.EINVAL:
                continue
            # Nothing is there; but the rest of the text may still lead outside.
            continue
        followed += 1
        if followed > LINKS_FOLLOWED:
            return False
        if next_target.startswith("/"):
            return True
        at.pop()
        left.extend(next_target.split("/")[::-1])
    return False


def _check_text(text: str, path: str, what: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise UsageError(f"{shown}: {what} is not UTF-8") from None

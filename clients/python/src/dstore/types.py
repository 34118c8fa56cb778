"""What the calls of a client return. Sizes are in bytes; times are aware datetimes in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Callable, Mapping, Optional, Tuple

from .key import Key


@dataclass(frozen=True)
class Progress:
    """How far a call has come. ``phase`` is ``hash``, ``store`` or ``fetch``."""

    phase: str
    done_bytes: int
    total_bytes: Optional[int]
    """None while it is not known."""


OnProgress = Callable[[Progress], object]
"""Called with each :class:`Progress`, never twice at a time; by `get_folder` in any thread."""


@dataclass(frozen=True)
class Stored:
    """A value or directory that was put."""

    key: Key
    size: int
    """Bytes of the value; of a folder those of all files below it."""
    existed: bool
    """Whether the store had it before."""
    files: Optional[int] = None
    """Of a folder: the number of files below it."""
    previous: Optional[Key] = None
    """Where the put moved a tag: what that pointed to before."""
    previous_kept_until: Optional[datetime] = None
    silent: Tuple[str, ...] = ()
    """With ``previous``: ids of Locals that may still show it."""


@dataclass(frozen=True)
class Facts:
    """Facts about a value."""

    key: Key
    size: int
    held_bytes: int
    """Of the value, bytes that this node has."""
    confirmed: bool
    names: Tuple[str, ...]
    holders: Tuple[str, ...]
    """Ids of the nodes that hold it."""
    total_size: Optional[int] = None
    """Of a directory: bytes of all files below it."""
    files: Optional[int] = None
    """Of a directory: number of files below it."""


@dataclass(frozen=True)
class Name:
    """A name, and what it is bound to."""

    name: str
    key: Key
    kind: str = "fixed"
    """``fixed``, or ``tag`` for a name that can be moved."""
    size: Optional[int] = None
    """Bytes of the value; of a directory those of all files below it."""
    bound_at: Optional[datetime] = None
    expires_at: Optional[datetime] = None
    """None: never."""


@dataclass(frozen=True)
class Prefix:
    """In a list by level: stands for all names that begin with it."""

    prefix: str


@dataclass(frozen=True)
class Moved:
    """How a tag was moved."""

    name: str
    key: Key
    previous: Optional[Key] = None
    previous_kept_until: Optional[datetime] = None
    silent: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """An entry of a directory."""

    name: str
    type: str
    """``file``, ``directory`` or ``link``."""
    key: Optional[Key] = None
    """None of a link."""
    size: int = 0
    """Bytes; of a directory those of all files below it."""
    executable: bool = False
    files: Optional[int] = None
    """Of a directory: number of files below it."""
    target: Optional[str] = None
    """Of a link: its text. It is never followed."""


@dataclass(frozen=True)
class Removal:
    """The outcome of a removal. ``acknowledged``, ``owed`` and ``expired`` are ids of Locals."""

    seq: int
    key: Optional[Key]
    """None if a name was unbound, and its value stays for another name."""
    name: Optional[str]
    freed_bytes: int
    names: Tuple[str, ...]
    acknowledged: Tuple[str, ...]
    owed: Tuple[str, ...]
    """Did not answer in time. They serve nothing of it once they have heard of it."""
    expired: Tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """One change of the index, as :meth:`Client.watch` gives it."""

    position: str
    """Give it to ``watch(after=...)`` to resume behind this change."""
    seq: int
    type: str
    """Such as ``put``, ``bind``, ``rebind``, ``unbind``, ``remove``."""
    key: Optional[Key]
    names: Tuple[str, ...]
    size: Optional[int]
    previous: Optional[Key]
    why: Optional[str]


def stored_of(line: Mapping[str, Any]) -> Stored:
    return Stored(
        key=Key(line["key"]),
        size=line["size"],
        existed=line["existed"],
        files=line.get("files"),
        previous=_key(line.get("previous")),
        previous_kept_until=_time(line.get("previousKeptUntil")),
        silent=tuple(line.get("silent", ())),
    )


def facts_of(line: Mapping[str, Any]) -> Facts:
    directory = line.get("directory") or {}
    return Facts(
        key=Key(line["key"]),
        size=line["size"],
        held_bytes=line["heldBytes"],
        confirmed=line["confirmed"],
        names=tuple(line["names"]),
        holders=tuple(line["holders"]),
        total_size=directory.get("totalSize"),
        files=directory.get("files"),
    )


def name_of(line: Mapping[str, Any]) -> Name:
    return Name(
        name=line["name"],
        key=Key(line["key"]),
        kind=line.get("kind", "fixed"),
        size=line.get("size"),
        bound_at=_time(line.get("boundAt")),
        expires_at=_time(line.get("expiresAt")),
    )


def moved_of(line: Mapping[str, Any]) -> Moved:
    return Moved(
        name=line["name"],
        key=Key(line["key"]),
        previous=_key(line.get("previous")),
        previous_kept_until=_time(line.get("previousKeptUntil")),
        silent=tuple(line.get("silent", ())),
    )


def entry_of(line: Mapping[str, Any]) -> Entry:
    return Entry(
        name=line["name"],
        type=line["type"],
        key=_key(line.get("key")),
        size=line.get("size", 0),
        executable=line.get("exec", False),
        files=line.get("files"),
        target=line.get("to"),
    )


def removal_of(line: Mapping[str, Any]) -> Removal:
    return Removal(
        seq=line["seq"],
        key=_key(line.get("key")),
        name=line.get("name"),
        freed_bytes=line["freedBytes"],
        names=tuple(line["names"]),
        acknowledged=tuple(line["acknowledged"]),
        owed=tuple(line["owed"]),
        expired=tuple(line["expired"]),
    )


def change_of(line: Mapping[str, Any]) -> Change:
    return Change(
        position=line["position"],
        seq=line["seq"],
        type=line["type"],
        key=_key(line.get("key")),
        names=tuple(line["names"]),
        size=line.get("size"),
        previous=_key(line.get("previous")),
        why=line.get("why"),
    )


def _key(text: Optional[str]) -> Optional[Key]:
    return None if text is None else Key(text)


def _time(text: Optional[str]) -> Optional[datetime]:
    # Before Python 3.11 `fromisoformat` knows no Z.
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))

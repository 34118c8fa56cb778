"""A client of dstore, a content-addressed store, in pure Python.

    import dstore

    with dstore.connect() as store:
        stored = store.put(b"hello", name="greeting")
        assert store.get("greeting") == b"hello"

        with store.open_path("models/v1/weights.safetensors") as path:
            ...  # a read-only file that all processes of this machine map

Sizes are in bytes, durations in seconds. Every fault is a :class:`DstoreError`.
"""

from __future__ import annotations

from ._held import OpenPath, Watch
from ._reading import ValueFile
from .client import Client, connect
from .errors import (
    ERRORS,
    AddressInUseError,
    BusyError,
    CancelledError,
    ChangedError,
    ConflictError,
    DstoreError,
    ImpostorError,
    IncompatibleError,
    IntegrityError,
    InternalError,
    LockedError,
    MalformedAddressError,
    MalformedKeyError,
    MalformedRangeError,
    NoSpaceError,
    NotFoundError,
    NotPermittedError,
    PartialError,
    ProtocolError,
    RangeError,
    RemovedError,
    TimedOutError,
    TooLargeError,
    UnreachableError,
    UnreadableError,
    UnsupportedError,
    UnwritableError,
    UsageError,
)
from .key import Key
from .types import (
    Change,
    Entry,
    Facts,
    Moved,
    Name,
    Prefix,
    Progress,
    Removal,
    Stored,
)

__version__ = "0.1.0"

__all__ = [
    "ERRORS",
    "AddressInUseError",
    "BusyError",
    "CancelledError",
    "Change",
    "ChangedError",
    "Client",
    "ConflictError",
    "DstoreError",
    "Entry",
    "Facts",
    "ImpostorError",
    "IncompatibleError",
    "IntegrityError",
    "InternalError",
    "Key",
    "LockedError",
    "MalformedAddressError",
    "MalformedKeyError",
    "MalformedRangeError",
    "Moved",
    "Name",
    "NoSpaceError",
    "NotFoundError",
    "NotPermittedError",
    "OpenPath",
    "PartialError",
    "Prefix",
    "Progress",
    "ProtocolError",
    "RangeError",
    "Removal",
    "RemovedError",
    "Stored",
    "TimedOutError",
    "TooLargeError",
    "UnreachableError",
    "UnreadableError",
    "UnsupportedError",
    "UnwritableError",
    "UsageError",
    "ValueFile",
    "Watch",
    "connect",
]

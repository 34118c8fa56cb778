"""Faults that dstore reports, one class for each code (specs/000-conventions.md, "Errors").

A *fault* (of a disk, a peer, an input, a limit) is a :class:`DstoreError`. A *mistake of the
calling program*, such as a negative size, is a ``TypeError`` or a ``ValueError``.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Dict, Optional, Type


class DstoreError(Exception):
    """A fault. ``str()`` of it is one line for a person; programs look at the class or ``code``.

    ``hint`` suggests a remedy, or is None.
    """

    code: ClassVar[str] = "internal"
    """The stable name of this kind of fault, such as ``not-found``."""
    retry: ClassVar[bool] = False
    """Whether the same call may succeed later without any change."""
    status: ClassVar[int] = 500
    """The HTTP status of the daemon's answer."""
    exit_code: ClassVar[int] = 1
    """The exit code of the command line for this fault."""

    def __init__(self, message: str, hint: Optional[str] = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> Any:
        # Pools of processes pass exceptions to their parent.
        return (type(self), (str(self), self.hint))


class InternalError(DstoreError):
    """A defect in dstore."""


class UnreadableError(DstoreError):
    """An input file is missing or cannot be read."""

    code, status = "unreadable", 422


class UnwritableError(DstoreError):
    """An output or the state directory cannot be written."""

    code, status = "unwritable", 422


class ChangedError(DstoreError):
    """An input changed while it was being read."""

    code, retry, status = "changed", True, 422


class LockedError(DstoreError):
    """Another daemon holds the state directory."""

    code, retry, status = "locked", True, 409


class AddressInUseError(DstoreError):
    """The address to listen on is taken."""

    code, retry, status = "address-in-use", True, 409


class UnsupportedError(DstoreError):
    """This system or this node cannot do that."""

    code, status = "unsupported", 501


class UsageError(DstoreError):
    """The request is malformed."""

    code, status, exit_code = "usage", 400, 2


class MalformedKeyError(UsageError):
    """Not a key: another codec, hash, length or spelling."""

    code = "malformed-key"


class MalformedRangeError(UsageError):
    """A byte range that is reversed or cannot be read."""

    code = "malformed-range"


class MalformedAddressError(UsageError):
    """An address that cannot be used."""

    code = "malformed-address"


class NotFoundError(DstoreError, LookupError):
    """No such key, name or path."""

    code, status, exit_code = "not-found", 404, 3


class RemovedError(DstoreError):
    """The value was removed while it was being read."""

    code, status, exit_code = "removed", 410, 3


class IntegrityError(DstoreError):
    """Bytes that do not match their key."""

    code, status, exit_code = "integrity", 502, 4


class UnreachableError(DstoreError):
    """The daemon or Global cannot be reached."""

    code, retry, status, exit_code = "unreachable", True, 503, 5


class TimedOutError(DstoreError):
    """No progress within the time-out."""

    code, retry, status, exit_code = "timeout", True, 504, 5


class IncompatibleError(DstoreError):
    """The two sides have no version in common, or the daemon is too old for a call."""

    code, status, exit_code = "incompatible", 502, 5


class ImpostorError(DstoreError):
    """Another peer answers at the address of the one that was meant."""

    code, status, exit_code = "impostor", 502, 5


class ProtocolError(DstoreError):
    """The other side broke the protocol."""

    code, retry, status, exit_code = "protocol", True, 502, 5


class NotPermittedError(DstoreError):
    """The caller may not do this."""

    code, status, exit_code = "not-permitted", 403, 6


class RangeError(DstoreError):
    """A range beyond the end of the value."""

    code, status, exit_code = "range", 416, 7


class TooLargeError(DstoreError):
    """Larger than a limit allows."""

    code, status, exit_code = "too-large", 413, 7


class BusyError(DstoreError):
    """A limit on work in flight is reached."""

    code, retry, status, exit_code = "busy", True, 429, 7


class NoSpaceError(DstoreError):
    """No space left."""

    code, retry, status, exit_code = "no-space", True, 507, 7


class PartialError(DstoreError):
    """Some of the work was done."""

    code, retry, status, exit_code = "partial", True, 500, 8


class ConflictError(DstoreError):
    """It contradicts what is stored, such as a name that is bound to another key."""

    code, status, exit_code = "conflict", 409, 9


class CancelledError(DstoreError):
    """The caller gave up."""

    code, retry, status, exit_code = "cancelled", True, 499, 130


def _every(base: Type[DstoreError]) -> Dict[str, Type[DstoreError]]:
    found = {base.code: base}
    for one in base.__subclasses__():
        found.update(_every(one))
    return found


ERRORS: Dict[str, Type[DstoreError]] = {**_every(DstoreError), "internal": InternalError}
"""The class of each code."""


def error_of(problem: object) -> DstoreError:
    """The fault in a problem document (RFC 9457); ``protocol`` for anything else."""
    if isinstance(problem, dict):
        kind = ERRORS.get(str(problem.get("code")))
        detail, hint = problem.get("detail"), problem.get("hint")
        if kind is not None:
            message = detail if isinstance(detail, str) else str(kind.__doc__)
            return kind(message, hint if isinstance(hint, str) else None)
    return ProtocolError("the daemon sent a response that is no problem document")


def parse_problem(text: str) -> DstoreError:
    """The same, of JSON text."""
    try:
        return error_of(json.loads(text))
    except ValueError:
        return error_of(None)

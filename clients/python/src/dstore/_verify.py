"""Verification of bytes against the BLAKE3 hash in their key, where `blake3` is installed."""

from __future__ import annotations

import contextlib
from typing import Any, Optional, Union

from .errors import IntegrityError
from .key import Key

_blake3: Any = None
with contextlib.suppress(ImportError):
    from blake3 import blake3 as _blake3

AVAILABLE = _blake3 is not None


class Hash:
    """The hash of bytes as they pass. Does nothing where it is not wanted."""

    def __init__(self, wanted: bool) -> None:
        self._hash: Any = _blake3() if wanted and _blake3 is not None else None

    def __bool__(self) -> bool:
        return self._hash is not None

    def update(self, data: Union[bytes, bytearray, memoryview]) -> None:
        if self._hash is not None:
            self._hash.update(data)

    def digest(self) -> Optional[bytes]:
        return None if self._hash is None else self._hash.digest()

    def check(
        self, key: Key, what: str = "the daemon sent bytes that do not match the key"
    ) -> None:
        """Raises :class:`IntegrityError` unless these are the bytes of the key."""
        if self._hash is not None and self._hash.digest() != key.digest:
            raise IntegrityError(f"{what}: {key}")

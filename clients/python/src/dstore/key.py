"""Keys: what a value is called (specs/001-key.md)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Optional

from .errors import MalformedKeyError

_HEADS = {"bytes": b"\x01\x55\x1e\x20", "directory": b"\x01\x71\x1e\x20"}
_HEX = re.compile(r"[0-9a-fA-F]{64}\Z")


class Key(str):
    """The key of a value: a ``str`` in the spelling that dstore prints, such as ``bafkr4i...``.

    It is made of that spelling, of base16 (``f01551e20...``), or of the 64 hex digits of the
    BLAKE3 hash, as ``b3sum`` prints it. Other multibase spellings can be given to any call as
    plain text: the daemon reads them. Raises :class:`MalformedKeyError`.

    ``a == b`` compares text; ``a.digest == b.digest`` tells whether two keys name the same bytes,
    also where one stands for a directory.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Key:
        if type(text) is cls:
            return text
        binary = _binary(text)
        return super().__new__(cls, _spell(binary))

    @classmethod
    def of_digest(cls, digest: bytes, kind: str = "bytes") -> Key:
        """The key of a BLAKE3 digest of 32 bytes. ``kind`` is ``bytes`` or ``directory``."""
        if len(digest) != 32:
            raise ValueError(f"a digest has 32 bytes, not {len(digest)}")
        return super().__new__(cls, _spell(_HEADS[kind] + digest))

    @property
    def digest(self) -> bytes:
        """The BLAKE3 hash of all bytes of the value: 32 bytes."""
        return _decode32(self[1:])[4:]

    @property
    def hex(self) -> str:
        """The digest as 64 hex digits."""
        return self.digest.hex()

    @property
    def kind(self) -> str:
        """``bytes``, or ``directory`` for the key of a directory."""
        return "directory" if self.startswith("bafy") else "bytes"

    def __repr__(self) -> str:
        return f"Key({str(self)!r})"

    def __getnewargs__(self) -> tuple[str]:
        return (str(self),)

    def __str__(self) -> str:
        return str.__str__(self)


def parse_key(text: str) -> Optional[Key]:
    """The key that the text spells; None for any other text, such as a name."""
    try:
        return Key(text)
    except MalformedKeyError:
        return None


def _binary(text: str) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"a key is text, not {type(text).__name__}")
    if _HEX.match(text):
        return _HEADS["bytes"] + bytes.fromhex(text)
    try:
        if text[:1] in ("b", "B") and len(text) == 59:
            # One text for each key: unused bits after the last byte are zero.
            binary = _decode32(text[1:].lower())
            if _spell(binary) != text.lower():
                raise MalformedKeyError(f"not a key: {_short(text)} (bits after the last byte)")
        elif text[:1] in ("f", "F") and len(text) == 73:
            binary = bytes.fromhex(text[1:])
        else:
            raise MalformedKeyError(f"not a key: {_short(text)}")
    except (binascii.Error, ValueError) as cause:
        raise MalformedKeyError(f"not a key: {_short(text)}") from cause
    if binary[:4] not in _HEADS.values() or len(binary) != 36:
        raise MalformedKeyError(f"not a key: {_short(text)} (another version, codec or hash)")
    return binary


def _decode32(digits: str) -> bytes:
    return base64.b32decode(digits.upper() + "=" * (-len(digits) % 8))


def _spell(binary: bytes) -> str:
    return "b" + base64.b32encode(binary).decode("ascii").rstrip("=").lower()


def _short(text: str) -> str:
    return ascii(text if len(text) <= 80 else text[:77] + "...")

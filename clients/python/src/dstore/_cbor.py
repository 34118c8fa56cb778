"""The one encoding of a directory, in DAG-CBOR (specs/008-directories.md, "Format")."""

from __future__ import annotations

from typing import Dict, Union

from .key import Key

Field = Union[str, int, bool, Key]


def encode_directory(entries: Dict[str, Dict[str, Field]]) -> bytes:
    """The bytes of a directory. A link is a :class:`Key`."""
    tree = {
        name: _map({field: _item(value) for field, value in entry.items()})
        for name, entry in entries.items()
    }
    return _map({"tree": _map(tree)})


def _item(value: Field) -> bytes:
    if isinstance(value, Key):
        codec = b"\x71" if value.kind == "directory" else b"\x55"
        # Tag 42 around a byte string: a zero, then the binary CID.
        return b"\xd8\x2a" + _head(2, 37) + b"\x00\x01" + codec + b"\x1e\x20" + value.digest
    if value is True:
        return b"\xf5"
    if isinstance(value, int):
        return _head(0, value)
    data = value.encode("utf-8")
    return _head(3, len(data)) + data


def _map(items: Dict[str, bytes]) -> bytes:
    encoded = sorted((_item_key(name), value) for name, value in items.items())
    return _head(5, len(encoded)) + b"".join(name + value for name, value in encoded)


def _item_key(name: str) -> bytes:
    data = name.encode("utf-8")
    return _head(3, len(data)) + data


def _head(major: int, value: int) -> bytes:
    """The head of an item, in its shortest form."""
    top = major << 5
    if value < 24:
        return bytes([top | value])
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * size):
            return bytes([top | extra]) + value.to_bytes(size, "big")
    raise ValueError(f"too large: {value}")

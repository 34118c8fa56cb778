"""Prints the key of a folder, as dstore makes it: an encoder that shares no code with dstore.

    pip install dag-cbor blake3
    python directory_key.py FOLDER              the key of the folder
    python directory_key.py --vectors FILE      checks specs/vectors/008-directories.json

From specs/008-directories.md alone. It keeps links as text, and reads files whole.
"""

import json
import os
import stat
import sys

import dag_cbor
from blake3 import blake3
from multiformats import CID


def link(codec: str, digest: bytes) -> CID:
    return CID("base32", 1, codec, ("blake3", digest))


def entry(path: bytes) -> tuple[dict, int, int]:
    """The entry of a path in its parent, its bytes, and the number of its files."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return {"to": os.readlink(path).decode("utf-8")}, 0, 0
    if stat.S_ISDIR(status.st_mode):
        value, size, files = directory(path)
        return {"tree": link("dag-cbor", blake3(value).digest()), "size": size, "files": files}, size, files
    if not stat.S_ISREG(status.st_mode):
        raise SystemExit(f"not a file, a folder or a link: {os.fsdecode(path)}")
    with open(path, "rb") as file:
        value = file.read()
    found = {"src": link("raw", blake3(value).digest()), "size": len(value)}
    if status.st_mode & stat.S_IXUSR:
        found["exec"] = True
    return found, len(value), 1


def directory(path: bytes) -> tuple[bytes, int, int]:
    """The bytes of a directory, and its totals."""
    tree, size, files = {}, 0, 0
    for name in os.listdir(path):
        tree[name.decode("utf-8")], more, below = entry(os.path.join(path, name))
        size, files = size + more, files + below
    return dag_cbor.encode({"tree": tree}), size, files


def check(vector: dict) -> None:
    """Encodes the entries of a vector, and compares the bytes and the key."""
    codecs = {"src": "raw", "tree": "dag-cbor"}
    tree = {
        name: {k: link(codecs[k], bytes.fromhex(v)) if k in codecs else v for k, v in fields.items()}
        for name, fields in vector["entries"]
    }
    value = dag_cbor.encode({"tree": tree})
    assert value.hex() == vector["bytes"], vector["what"]
    assert str(link("dag-cbor", blake3(value).digest())) == vector["key"], vector["what"]
    assert dag_cbor.decode(value) == {"tree": tree}, vector["what"]


if sys.argv[1] == "--vectors":
    with open(sys.argv[2], encoding="utf-8") as vectors:
        listed = json.load(vectors)["directories"]
    for one in listed:
        check(one)
    print(len(listed))
else:
    print(link("dag-cbor", blake3(directory(os.fsencode(sys.argv[1]))[0]).digest()))

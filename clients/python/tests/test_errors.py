"""One class for each code of the specification (specs/007, R007-397)."""

from __future__ import annotations

import json
import pickle
import re

import pytest
from conftest import ROOT

import dstore
from dstore._cbor import encode_directory
from dstore.errors import error_of, parse_problem

PAGE = ROOT / "specs/000-conventions.md"


@pytest.mark.skipif(not PAGE.exists(), reason="not in a clone of the repository")
def test_the_table_is_that_of_the_specification() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` +\|[^|]*\|[^|]*\| *(\w+) *\| *(\d+) *\| *(\d+) *\|",
        PAGE.read_text(),
        re.M,
    )
    assert len(rows) > 20
    table = {
        code: ("yes" if kind.retry else "no", str(kind.status), str(kind.exit_code))
        for code, kind in dstore.ERRORS.items()
    }
    assert table == {code: tuple(rest) for code, *rest in rows}


def test_every_class_is_exported_and_has_its_own_code() -> None:
    for code, kind in dstore.ERRORS.items():
        assert kind.code == code and getattr(dstore, kind.__name__) is kind
        assert kind.__doc__


def test_a_problem_becomes_its_class() -> None:
    error = error_of({"code": "conflict", "detail": "taken", "hint": "choose another"})
    assert type(error) is dstore.ConflictError and str(error) == "taken"
    assert error.hint == "choose another"
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), copied.hint) == (type(error), "taken", "choose another")
    for strange in (None, {}, {"code": "new-code"}, {"code": 7}, []):
        assert type(error_of(strange)) is dstore.ProtocolError
    assert type(parse_problem("<html>")) is dstore.ProtocolError
    assert str(error_of({"code": "busy", "detail": 3}))


def test_directories_are_encoded_as_the_vectors_of_the_specification() -> None:
    vectors = ROOT / "specs/vectors/008-directories.json"
    if not vectors.exists():
        pytest.skip("not in a clone of the repository")
    listed = json.loads(vectors.read_text())["directories"]
    assert len(listed) > 5
    kinds = {"src": "bytes", "tree": "directory"}
    for vector in listed:
        entries = {
            name: {
                field: dstore.Key.of_digest(bytes.fromhex(value), kinds[field])
                if field in kinds
                else value
                for field, value in fields.items()
            }
            for name, fields in vector["entries"]
        }
        encoded = encode_directory(entries)
        assert encoded.hex() == vector["bytes"], vector["what"]

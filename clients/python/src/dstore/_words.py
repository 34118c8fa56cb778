"""The paths of requests about what a word stands for (specs/008, R008-16 and R008-63).

A word is a key, a name, or either with a path below it. The daemon finds out which.
"""

from __future__ import annotations

from ._http import segment
from .errors import UsageError


def check(word: str) -> str:
    """The word. A mistake of the program is found here, and not at the daemon."""
    if not isinstance(word, str):
        raise TypeError(f"a key or a name is text, not {type(word).__name__}")
    if not word:
        raise UsageError("not a key or a name: it is empty")
    return word


def value_path(word: str) -> str:
    """Of a value by its key or name alone."""
    return f"/v1/values/{segment(check(word))}"


def tree_path(word: str) -> str:
    """Of a word that may have a path below a directory."""
    return f"/v1/trees/{segment(check(word))}"


def read_path(word: str) -> str:
    """Where the bytes of a word are read: a word without a slash has no path."""
    return tree_path(word) if "/" in check(word) else value_path(word)


def below(word: str, path: str) -> str:
    """The word of something below another."""
    return f"{word.rstrip('/')}/{path}" if path else word

"""Names, tags, removals, changes."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

import dstore


def test_a_name_is_bound_with_its_value(store: dstore.Client) -> None:
    stored = store.put(b"named", name="names/one")
    found = store.name("names/one")
    assert (found.key, found.kind, found.size) == (stored.key, "fixed", 5)
    assert found.bound_at is not None and found.bound_at.utcoffset() == timedelta(0)
    assert store.get("names/one") == b"named"
    assert store.resolve("names/one") == stored.key
    with pytest.raises(dstore.ConflictError):
        store.put(b"other", name="names/one")
    facts = store.stat("names/one")
    assert (facts.key, facts.size, facts.names) == (stored.key, 5, ("names/one",))
    assert store.stat(stored.key).size == 5


def test_names_with_every_kind_of_letter(store: dstore.Client) -> None:
    for name in ("ü/日本 %2F?#&=+", "a b", "100%", "\U0001f600/x"):
        store.put(name.encode(), name=name)
        assert store.get(name) == name.encode()
        assert store.name(name).name == name
    with pytest.raises(ValueError):
        store.get("\ud800")


def test_lists_are_in_order_and_by_level(store: dstore.Client) -> None:
    for name in ("list/b", "list/a", "list/d/x", "list/d/y", "list/c"):
        store.put(name.encode(), name=name)
    assert [one.name for one in store.names("list/")] == [
        "list/a",
        "list/b",
        "list/c",
        "list/d/x",
        "list/d/y",
    ]
    assert [one.name for one in store.names("list/", after="list/b", limit=2)] == [
        "list/c",
        "list/d/x",
    ]
    assert [one.name for one in store.names(match="list/*")] == ["list/a", "list/b", "list/c"]
    level = list(store.level("list/"))
    assert level[-1] == dstore.Prefix("list/d/")
    assert [one.name for one in level[:-1] if isinstance(one, dstore.Name)] == [
        "list/a",
        "list/b",
        "list/c",
    ]
    assert store.resolve("list/a") in dict(store.keys())


def test_a_list_may_be_left(store: dstore.Client) -> None:
    for _ in range(5):
        assert next(store.names("list/")).name == "list/a"


def test_a_tag_moves(store: dstore.Client) -> None:
    first = store.put(b"v1", name="tags/latest", tag=True)
    second = store.put(b"v2", name="tags/latest", tag=True, keep=60)
    assert second.previous == first.key and second.previous_kept_until is not None
    moved = store.tag("tags/latest", first.key)
    assert (moved.key, moved.previous) == (first.key, second.key)
    assert store.get("tags/latest") == b"v1"
    assert store.bind("tags/fixed", second.key).key == second.key
    with pytest.raises(dstore.ConflictError):
        store.bind("tags/fixed", first.key)
    for wrong in ({"tag": True}, {"expires": 5}, {"name": "x", "keep": 3}):
        with pytest.raises(ValueError):
            store.put(b"x", **wrong)


def test_a_name_expires(store: dstore.Client) -> None:
    store.put(b"soon", name="expires/soon", expires=0.3)
    store.put(b"later", name="expires/later", expires=timedelta(hours=1))
    found = store.name("expires/later")
    assert found.expires_at is not None and found.bound_at is not None
    assert found.expires_at - found.bound_at == timedelta(hours=1)
    give_up_at = time.monotonic() + 20
    while store.exists("expires/soon"):
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def test_a_removal_takes_name_and_value(store: dstore.Client) -> None:
    stored = store.put(b"to be removed", name="gone/one")
    with pytest.raises(dstore.ConflictError):
        store.remove(stored.key)
    removed = store.remove("gone/one")
    assert (removed.key, removed.name, removed.owed) == (stored.key, "gone/one", ())
    assert removed.freed_bytes == 13
    with pytest.raises(dstore.NotFoundError):
        store.get(stored.key)
    with pytest.raises(dstore.NotFoundError):
        store.remove("gone/one")
    other = store.put(b"unbound", name="gone/two")
    assert store.unbind("gone/two").key is None
    assert store.get(other.key) == b"unbound"
    assert store.remove(other.key).key == other.key
    third = store.put(b"forced", name="gone/three")
    assert store.remove(third.key, force=True).names == ("gone/three",)


def test_a_watch_shows_every_later_change(store: dstore.Client) -> None:
    with store.watch() as changes:
        stored = store.put(b"watched", name="watch/one")
        change = next(changes)
        assert (change.type, change.key, change.names) == ("put", stored.key, ("watch/one",))
        store.remove("watch/one")
        assert next(changes).type in ("unbind", "remove")
        position = change.position
    with store.watch(after=position) as resumed:
        assert next(resumed).type in ("unbind", "remove")


def test_another_thread_ends_a_watch(store: dstore.Client) -> None:
    watch = store.watch()
    threading.Timer(0.2, watch.close).start()
    assert list(watch) == []
    watch.close()

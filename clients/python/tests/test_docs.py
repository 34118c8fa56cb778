"""The examples of the documentation, in the order of the page, where their packages install."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any, Dict, List

import pytest
from conftest import ROOT

import dstore

DOCS = ROOT / "docs"
PAGES = [
    DOCS / "python.md",
    DOCS / "from-a-program.md",
    DOCS / "model-weights.md",
    DOCS / "datasets.md",
    Path(__file__).parents[1] / "README.md",
]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
IMPORT = re.compile(r"^(?:import|from) (\w+)", re.M)


def blocks_of(page: Path) -> List[str]:
    return BLOCK.findall(page.read_text()) if page.exists() else []


def lacking(block: str) -> List[str]:
    return [name for name in IMPORT.findall(block) if importlib.util.find_spec(name) is None]


@pytest.fixture(scope="module")
def namespaces() -> Dict[Path, Dict[str, Any]]:
    return {page: {} for page in PAGES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("docs")


@pytest.mark.parametrize(
    ("page", "index"),
    [(page, index) for page in PAGES for index in range(len(blocks_of(page)))],
    ids=lambda one: one.name if isinstance(one, Path) else str(one),
)
def test_an_example_does_what_it_says(
    page: Path,
    index: int,
    home: Path,
    folder: Path,
    namespaces: Dict[Path, Dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    block = blocks_of(page)[index]
    missing = lacking(block)
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    monkeypatch.setenv("DSTORE_DIR", str(home))
    monkeypatch.chdir(folder)
    if page.name == "model-weights.md":
        put_model(folder)
    if page.name == "datasets.md":
        put_trees(folder)
    exec(compile(block, f"{page.name} {index}", "exec"), namespaces[page])


def put_model(folder: Path) -> None:
    """What the page has put before by the command, with tensors in the place of random bytes."""
    torch = pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    (folder / "demo").mkdir()
    file = folder / "demo/model-00001-of-00002.safetensors"
    files.save_file({"weight": torch.ones(1000)}, file)
    with dstore.connect() as store:
        store.put_folder(folder / "demo", name="models/demo/v2")


def put_trees(folder: Path) -> None:
    """What the page has put before by the command."""
    pytest.importorskip("fsspec")
    part = folder / "trees/train/part-1.csv"
    part.parent.mkdir(parents=True)
    part.write_text("height\n3\n5\n")
    with dstore.connect() as store:
        store.put_folder(folder / "trees", name="datasets/trees/v2")


def test_the_pages_have_examples() -> None:
    if not PAGES[0].exists():
        pytest.skip("not in a clone of the repository")
    assert len(blocks_of(PAGES[0])) > 10 and all(blocks_of(page) for page in PAGES)

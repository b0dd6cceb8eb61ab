"""The digest of the files that the image is built from. It names the image where there is no container engine."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.shared.environments import ROOT

SOURCES = ("flows", "scripts")
HOOK = "sitecustomize.py"
SINGLE_FILES = ("Dockerfile", "requirements/runtime.txt", HOOK)
# Names the working tree on the local stack, whatever is edited. No image in a registry can have it.
WORKING_TREE = f"sha256:{hashlib.sha256(b'working tree').hexdigest()}"


def source_files(root: Path = ROOT, folders: Sequence[str] = SOURCES) -> Iterator[Path]:
    """Files that go into the image, as paths relative to `root`, in a fixed order."""
    yield from (Path(name) for name in SINGLE_FILES)
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            relative = path.relative_to(root)
            if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in relative.parts):
                yield relative


def image_digest(root: Path = ROOT, folders: Sequence[str] = SOURCES) -> str:
    """`sha256:<64 hex>` of every file that goes into the image, by path and content."""
    digest = hashlib.sha256()
    for path in source_files(root, folders):
        content = (root / path).read_bytes()
        digest.update(f"{path.as_posix()}\0{len(content)}\0".encode() + content)
    return f"sha256:{digest.hexdigest()}"


def link_working_tree(directory: Path, root: Path = ROOT) -> str:
    """Let `<directory>/images/<64 hex>`, where the embedded Fargate runs WORKING_TREE, lead to what the image holds.

    To nothing else of the working tree: what the image lacks, a task does not find here either.

    Returns:
        WORKING_TREE.
    """
    image = directory / "images" / WORKING_TREE.removeprefix("sha256:")
    image.mkdir(parents=True, exist_ok=True)
    for name in (*SOURCES, HOOK):
        link = image / name
        if not link.is_symlink() or link.readlink() != root / name:  # The repository may have been moved.
            link.unlink(missing_ok=True)
            link.symlink_to(root / name)
    return WORKING_TREE

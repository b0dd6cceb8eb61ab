"""The digest of the files that the image is built from. It names the image where there is no container engine."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from scripts.shared.environments import ROOT

SOURCES = ("flows", "scripts")
SINGLE_FILES = ("Dockerfile", "requirements/runtime.txt", "sitecustomize.py")


def source_files(root: Path = ROOT) -> Iterator[Path]:
    """Files that go into the image, as paths relative to `root`, in a fixed order."""
    yield from (Path(name) for name in SINGLE_FILES)
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*")):
            relative = path.relative_to(root)
            if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in relative.parts):
                yield relative


def image_digest(root: Path = ROOT) -> str:
    """`sha256:<64 hex>` of every file that goes into the image, by path and content."""
    digest = hashlib.sha256()
    for path in source_files(root):
        content = (root / path).read_bytes()
        digest.update(f"{path.as_posix()}\0{len(content)}\0".encode() + content)
    return f"sha256:{digest.hexdigest()}"


def push_locally(directory: Path, root: Path = ROOT) -> str:
    """Copy the image's files to `<directory>/images/<64 hex>`, where the embedded Fargate runs them.

    So a task runs the code of its digest, even if files were edited since.

    Returns:
        The image's digest.
    """
    digest = image_digest(root)
    image = directory / "images" / digest.removeprefix("sha256:")
    if not image.exists():
        unfinished = image.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for path in source_files(root):
            (unfinished / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, unfinished / path)
        unfinished.rename(image)
    return digest

"""Tests of writing a file in one step."""

from pathlib import Path

import pytest

from scripts.shared.whole_file import write_whole


def test_a_file_is_replaced_and_its_folder_made(tmp_path: Path):
    path = tmp_path / "new" / "record.json"

    write_whole(path, "first")
    write_whole(path, "second")

    assert path.read_text() == "second"
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "record.json"
    write_whole(path, "first")

    def write_half(file: Path, text: str) -> None:
        with file.open("w") as half:
            half.write(text[:3])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", write_half)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "second")

    assert path.read_text() == "first"

"""Tests of writing a file in one step."""

from pathlib import Path

import pytest

from scripts.shared.whole_file import write_whole


def test_a_file_is_made_with_its_folder_and_replaced(tmp_path):
    path = tmp_path / "a" / "b.json"
    for text in ("old", "new"):
        write_whole(path, text)
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "b.json"
    write_whole(path, "old")
    write = Path.write_text

    def fill_up(self, text):
        write(self, text[:1])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", fill_up)
    with pytest.raises(OSError, match="no space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]

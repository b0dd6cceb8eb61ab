"""A repository of flow files for the tests that read what flow files declare."""

import pytest


@pytest.fixture
def root(tmp_path):
    """`root(name=source)` is a repository with these flow files; `__` in a name is a folder."""

    def make(**files):
        for name, source in files.items():
            path = tmp_path / "flows" / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return tmp_path

    return make

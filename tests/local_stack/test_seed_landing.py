"""Landing data come from hooks that lie beside the flows which read them."""

import sys

import pytest

from scripts.local_stack import seed_landing
from scripts.shared.refusal import Refusal

HOOK = """
def put_landing_data(s3, bucket, progress):
    progress("putting")
    return f"{__name__} in {bucket}"
"""


@pytest.fixture
def team(tmp_path, monkeypatch):
    """A repository whose flows/ holds two folders with a hook, and that is where `flows` is imported from."""
    for folder in ("b", "a/deep"):
        (tmp_path / "flows" / folder).mkdir(parents=True)
        (tmp_path / "flows" / folder / "_landing.py").write_text(HOOK)
    (tmp_path / "flows" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    flows = lambda: [name for name in sys.modules if name.partition(".")[0] == "flows"]  # noqa: E731
    ours = {name: sys.modules.pop(name) for name in flows()}
    yield tmp_path
    for name in flows():
        del sys.modules[name]
    sys.modules.update(ours)


def test_every_hook_is_called_and_its_line_told(team, capsys):
    files = seed_landing.landing_files(team)
    assert [str(file) for file in files] == ["flows/a/deep/_landing.py", "flows/b/_landing.py"]
    assert (
        seed_landing.seed_landing(None, "results", files)
        == "flows.a.deep._landing in results; flows.b._landing in results"
    )
    assert capsys.readouterr().out == "putting\nputting\n"


def test_a_file_without_the_function_is_named(team):
    (team / "flows" / "b" / "_landing.py").write_text("put = None\n")
    with pytest.raises(Refusal, match=r"flows/b/_landing.py: got no put_landing_data; expected `def "):
        seed_landing.seed_landing(None, "results", seed_landing.landing_files(team))


def test_without_a_flows_folder_there_is_nothing_to_put(tmp_path):
    assert seed_landing.landing_files(tmp_path) == []

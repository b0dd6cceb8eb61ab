"""Flow files are found at any depth, and what is none is left out."""

from scripts.shared.flow_files import flow_files


def test_flow_files_are_found_at_any_depth_in_a_fixed_order(tmp_path):
    for name in (
        *("flows/b.py", "flows/a.py", "flows/team/orders/daily.py", "flows/team/shared/weekly.py"),
        *("flows/__init__.py", "flows/_draft.py", "flows/_drafts/x.py", "flows/team/_old/deep/x.py"),
        *("flows/shared/s3.py", "flows/shared/deep/x.py", "flows/a/__pycache__/x.py", "flows/.hidden/x.py"),
        *("flows/notes.txt", "other.py"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in flow_files(tmp_path)] == [
        "flows/a.py",
        "flows/b.py",
        "flows/team/orders/daily.py",
        "flows/team/shared/weekly.py",
    ]


def test_without_a_folder_of_flows_there_are_none(tmp_path):
    assert flow_files(tmp_path) == []

"""A plan knows which flow files have deployments on call, without importing them."""

from scripts.delivery.on_call_flows import on_call_flows


def test_the_tag_is_found_where_it_is_written_out(tmp_path):
    folder = tmp_path / "flows" / "team"
    (tmp_path / "flows" / "shared").mkdir(parents=True)
    folder.mkdir()
    (folder / "paged.py").write_text(
        'raise SystemExit\ndeployments = [f.to_deployment("d", tags=["on-call", "owner:x"])]\n'
    )
    (folder / "quiet.py").write_text('"""Not on-call."""\ndeployments = []\n')
    assert on_call_flows(tmp_path) == ["flows/team/paged.py"]

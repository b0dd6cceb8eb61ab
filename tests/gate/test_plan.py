import json

import pytest
from plan_builder import plan_data, resource, write

from scripts.gate.reading.plan import UNKNOWN, Finding, Plan, PlanError
from scripts.gate.reading.references import origins, why_unknown


def test_a_finding_says_where_what_and_what_instead():
    assert str(Finding("aws_a.b", "1", "2")) == "aws_a.b: got 1; expected 2"


def test_unknown_values_are_marked_where_show_leaves_them_out():
    """Inside blocks too, and whatever is read from an unknown block is unknown."""
    after = {"known": 1, "block": [{"a": 1}], "list": [None]}
    unknown = {"arn": True, "block": [{"b": True, "a": False}], "list": [True], "absent": [{"c": True}], "none": False}
    (found,) = Plan(plan_data(resource("aws_x.y", after, unknown=unknown))).planned("aws_x")
    assert found.after["arn"] is UNKNOWN
    assert found.after["block"] == [{"a": 1, "b": UNKNOWN}]
    assert found.after["list"] == [UNKNOWN]
    assert found.after["absent"] == [{"c": UNKNOWN}]
    assert [block.get("anything") for block in found.after["arn"]] == [UNKNOWN]
    assert "none" not in found.after


def test_what_is_being_destroyed_is_not_planned_and_a_replacement_is():
    plan = Plan(
        plan_data(
            resource("aws_x.gone", actions=("delete",)),
            resource("aws_x.new", actions=("delete", "create")),
            resource("aws_x.same", actions=("no-op",)),
        )
    )
    assert [found.address for found in plan.planned("aws_x")] == ["aws_x.new", "aws_x.same"]


def test_an_address_leads_to_its_block_through_modules_count_and_for_each():
    (found,) = Plan(plan_data(resource('module.a["x.y[0]"].module.b[1].aws_x.y["k"]'))).planned()
    assert found.block == "module.a.module.b.aws_x.y"


def test_an_unknown_value_is_traced_through_variables_modules_and_outputs():
    plan = Plan(
        plan_data(
            resource(
                'module.user["a"].aws_x.policy[0]', unknown={"p": True}, references={"p": ["var.arn", "var.name"]}
            ),
            resource("module.iam.aws_iam_role.flow[0]", {"name": "n"}, unknown={"arn": True}),
            calls={'module.user["a"]': {"arn": ["module.iam.arns[0].flow", "module.iam"], "name": ["module.iam.name"]}},
            outputs={
                "module.iam.arns": ["aws_iam_role.flow[0].arn", "aws_iam_role.flow[0]", "aws_iam_role.flow"],
                "module.iam.name": ["aws_iam_role.flow[0].name", "aws_iam_role.flow"],
            },
        )
    )
    (found,) = plan.planned("aws_x")
    assert origins(plan, found, "p") == ["module.iam.aws_iam_role.flow[0].arn", "module.iam.aws_iam_role.flow[0].name"]
    assert why_unknown(plan, found, "p") == "unknown until apply because of module.iam.aws_iam_role.flow[0].arn"


def test_a_local_is_named_because_a_plan_does_not_show_what_it_is_made_of():
    plan = Plan(
        plan_data(resource("aws_x.y", unknown={"p": True}, references={"p": ["local.arn", "path.module", "var.a"]}))
    )
    assert why_unknown(plan, next(plan.planned()), "p") == "unknown until apply because of local.arn"


def test_references_in_a_circle_end():
    plan = Plan(
        plan_data(
            resource("module.a.aws_x.y", references={"p": ["var.v"]}),
            calls={"module.a": {"v": ["module.a.o"]}},
            outputs={"module.a.o": ["var.v"]},
        )
    )
    assert origins(plan, next(plan.planned()), "p") == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"PK\x03\x04...", "terraform show -json"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "list, not an object"),
        (b"{}", "format_version 'None', not 1.x"),
        (b'{"format_version": "2.0"}', "format_version '2.0', not 1.x"),
        (b'{"format_version": 1.2}', "not 1.x"),
        (b'{"format_version": "1.0", "values": {}}', "a state or other JSON"),
        (b'{"format_version": "1.2", "planned_values": {}, "errored": true}', "ended in an error"),
        (b'{"format_version": "1.2", "planned_values": {}, "resource_changes": {}}', "resource_changes that is dict"),
        (b'{"format_version": "1.2", "planned_values": {}, "resource_changes": [1]}', "no part of a plan"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_what_is_no_plan_is_refused_in_one_sentence(tmp_path, content, said):
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(PlanError, match=said) as refused:
        Plan.load(path)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_too_large_to_be_a_plan_is_not_read(tmp_path):
    path = tmp_path / "plan.json"
    with path.open("wb") as file:
        file.truncate(50_000_001)
    with pytest.raises(PlanError, match="50,000,001 bytes"):
        Plan.load(path)


def test_a_plan_without_any_resource_is_a_plan(tmp_path):
    data = plan_data()
    del data["resource_changes"]
    assert list(Plan.load(write(tmp_path / "plan.json", data)).planned()) == []


def test_values_nested_beyond_reason_are_refused():
    deep: dict = {}
    for _ in range(5_000):
        deep = {"a": deep}
    data = plan_data(resource("aws_x.y", json.loads("{}"), unknown=deep))
    with pytest.raises(PlanError, match="nested too deeply"):
        Plan(data)

"""The report as a reviewer sees it: opened in a real browser, without network."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from browser import FLAGS, browser
from patience import PATIENCE_SECONDS
from plan_builder import LOGS, plan_data, resource, task_definition, write

from scripts.gate import catalog, engine
from scripts.gate.diff.line import Comparison, Line
from scripts.gate.reading.plan import Plan
from scripts.gate.report.architecture import read_architecture
from scripts.gate.report.picture import draw


def opened(page: Path, tmp_path: Path) -> tuple[str, list[str]]:
    """The page's DOM after loading, and what the browser's console said."""
    command = [
        browser(),
        *FLAGS,
        "--enable-logging=stderr",
        "--dump-dom",
        f"--user-data-dir={tmp_path / 'profile'}",
        page.as_uri(),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS)
    return answer.stdout, [line for line in answer.stderr.splitlines() if "CONSOLE" in line]


@pytest.fixture
def plan_json(tmp_path):
    """A service and a flow task in a network, with a rule that lets everybody in."""
    data = plan_data(
        LOGS,
        resource("module.network.aws_vpc.tasks", {"cidr_block": "10.20.0.0/16"}),
        resource("module.network.aws_internet_gateway.egress"),
        resource(
            "module.network.aws_subnet.private", {"availability_zone": "eu-west-1a", "cidr_block": "10.20.0.0/19"}
        ),
        resource("module.network.aws_vpc_security_group_egress_rule.out", {"from_port": 443, "to_port": 443}),
        resource("module.network.aws_vpc_security_group_ingress_rule.open", {"cidr_ipv4": "0.0.0.0/0"}),
        task_definition(),
        resource("module.results_store.aws_s3_bucket.results", {"bucket": "harborflows-amber-results"}),
        resource(
            "module.iam.aws_iam_role_policy.flow",
            {
                "role": "HarborFlows-Amber-flow",
                "policy": json.dumps(
                    {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": "s3:PutObject",
                                "Resource": "arn:aws:s3:::harborflows-amber-results/*",
                            }
                        ]
                    }
                ),
            },
        ),
    )
    data["resource_changes"][6]["change"]["after"]["task_role_arn"] = (
        "arn:aws:iam::123456789012:role/HarborFlows-Amber-flow"
    )
    return write(tmp_path / "plan.json", data)


def test_the_report_opens_with_its_finding_and_its_picture_and_nothing_on_the_console(plan_json, tmp_path):
    page = tmp_path / "report.html"
    engine.run_gate(plan_json, names=["no_ingress"], report=page)
    dom, console = opened(page, tmp_path)
    assert console == []
    assert "module.network.aws_vpc_security_group_ingress_rule.open" in dom.replace("<wbr>", "")
    assert 'class="picture"' in dom
    picture = dom[dom.index("<svg") : dom.index("</svg>")]
    for words in (
        "VPC 10.20.0.0/16",
        "HarborFlows-Amber-flow",
        "harborflows-amber-results",
        "TCP 443: PutObject",
        "in: 1 rule",
    ):
        assert words in picture


def test_runs_of_many_task_definitions_are_two_boxes_one_for_the_common_role_and_one_for_all_others():
    def definition(name, role):
        made = task_definition(address=f'module.flow_task.aws_ecs_task_definition.flow["{name}"]')
        made["change"]["after"] |= {"family": f"HarborFlows-Amber-{name}", "task_role_arn": f"arn:x:role/{role}"}
        return made

    common = [definition(name, "flow") for name in ("flow", "flow-with-a", "flow-with-b")]
    own = [definition(f"flow-own-{number}", f"flow-own-{number}") for number in range(100)]
    drawn = read_architecture(Plan(plan_data(resource("aws_vpc.tasks", {}), *common, *own)))
    boxes = [(box.title, box.lines[-1], len(box.names)) for box in drawn.inside if box.kind == "task"]
    assert boxes == [
        ("HarborFlows-Amber-flow", "3 task definitions", 1),
        ("Flows with roles of their own", "100 task definitions", 100),
    ]


def test_the_browser_would_say_what_is_wrong(tmp_path):
    """Otherwise a silent console would prove nothing."""
    page = tmp_path / "page.html"
    page.write_text("<script>console.error('broken')</script><img src='https://example.com/x.png'>")
    _, console = opened(page, tmp_path)
    assert any("broken" in line for line in console)


def test_the_page_asks_for_nothing_from_anywhere(plan_json, tmp_path):
    page = tmp_path / "report.html"
    engine.run_gate(plan_json, names=["no_ingress"], report=page)
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)|url\((?!#)|@import|<script""", page.read_text()) == []


def test_the_parts_come_in_the_order_of_a_review(plan_json, tmp_path):
    page = tmp_path / "report.html"
    engine.run_gate(plan_json, names=["no_ingress", "private_tasks"], report=page)
    text = page.read_text()
    parts = [
        *("<h1>", "<h2>Security", "<h2>Findings", "What changes"),
        *("Checks that failed", "Checks that passed", "<svg", "<h2>Changes"),
    ]
    assert sorted(parts, key=text.index) == parts


def test_a_finding_leads_to_what_its_rule_wants(plan_json, tmp_path):
    page = tmp_path / "report.html"
    engine.run_gate(plan_json, names=["no_ingress"], report=page)
    text = page.read_text()
    assert 'href="#no_ingress"' in text
    row = text[text.index('id="no_ingress"') :]
    assert catalog.describe()["no_ingress"] in row[: row.index("</tr>")].replace("<wbr>", "")


COMPARED = Comparison(
    base="main (1a2b3c4)",
    security=(Line("opens", "role A", "may now s3:* on <b>"), Line("neutral", "aws_x", "1 new")),
    flows=(Line("neutral", "deployment daily/nightly", "new: schedule 0 6 * * * UTC"),),
)


def test_the_report_says_first_what_opens_and_then_what_flows_change(plan_json, tmp_path):
    page = tmp_path / "report.html"
    engine.run_gate(plan_json, names=["no_ingress"], report=page, compare=lambda _: COMPARED)
    text = page.read_text().replace("<wbr>", "")
    assert '<li class="opens"><span class="kind">opens</span><p><b>role A</b>: may now s3:* on &lt;b&gt;' in text
    parts = ["<h1>", "compared with main (1a2b3c4)", "role A", "aws_x", "<h2>Flows", "daily/nightly", "<h2>Findings"]
    assert sorted(parts, key=text.index) == parts


def test_the_box_of_what_opens_is_red_in_the_picture(plan_json, tmp_path):
    page = tmp_path / "report.html"
    line = Line("opens", "role R", "may now s3:* on arn:aws:s3:::harborflows-amber-results/*")
    for lines, boxes in (((line,), 1), ((), 0)):
        engine.run_gate(
            plan_json, names=["no_ingress"], report=page, compare=lambda _, all_=lines: Comparison("a", all_)
        )
        picture = page.read_text().partition("<svg")[2]
        assert picture.count('class="box" style="stroke: var(--bad)"') == boxes


def test_the_short_report_holds_verdict_changes_and_findings_in_this_order(plan_json, tmp_path):
    engine.run_gate(plan_json, names=["no_ingress"], report=tmp_path / "report.html", compare=lambda _: COMPARED)
    text = (tmp_path / "report.md").read_text()
    parts = [
        "### ✗ Failed: plan of amber",
        "1 check, 1 finding in 1 check.",
        "#### Security, compared with main (1a2b3c4)",
        r"- 🔴 opens **role A**: may now s3:\* on \<b\>",
        r"- ⚪ **aws\_x**: 1 new",
        "#### Flows, compared with main (1a2b3c4)",
        "- ⚪ **deployment daily/nightly**: new",
        "#### Findings",
        r"**no\_ingress**: Security groups have no ingress",
        r"- module.network.aws\_vpc\_security\_group\_ingress\_rule.open: got ingress",
    ]
    assert sorted(parts, key=text.index) == parts


def test_the_short_report_fits_into_a_comment_and_mentions_nobody(plan_json, tmp_path):
    many = tuple(Line("opens", f"role {number}", "@somebody " * 60) for number in range(900))
    compared = Comparison(base="main", security=many, flows=many)
    engine.run_gate(plan_json, names=["no_ingress"], report=tmp_path / "report.html", compare=lambda _: compared)
    text = (tmp_path / "report.md").read_text()
    assert len(text) < 65_536
    assert "- and 840 more: see report.html" in text
    assert "@somebody" not in text


def test_the_output_ends_with_what_changes_and_then_all_findings(plan_json, tmp_path, capsys):
    names = ["no_ingress", "private_tasks"]
    engine.run_gate(plan_json, names=names, report=tmp_path / "report.html", compare=lambda _: COMPARED)
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("Security, compared with main (1a2b3c4):")
    assert any(line.startswith("✓ private_tasks") for line in lines[:start])
    end = [line[:48].rstrip() for line in lines[start + 1 :] if line]
    assert end == [
        "    opens   role A: may now s3:* on <b>",
        "    changes aws_x: 1 new",
        "Flows, compared with main (1a2b3c4):",
        "    changes deployment daily/nightly: new: sched",
        "✗ no_ingress",
        "    module.network.aws_vpc_security_group_ingres",
        end[-1],
    ]
    assert end[-1].startswith("Gate failed with 1 finding")


def test_no_change_is_said_too(plan_json, tmp_path, capsys):
    compared = Comparison(base="what is applied", flows=())
    engine.run_gate(plan_json, names=["no_ingress"], report=tmp_path / "report.html", compare=lambda _: compared)
    for text in (capsys.readouterr().out, *((tmp_path / f"report.{end}").read_text() for end in ("html", "md"))):
        assert "No change to security." in text
        assert "No flow changes." in text


def test_a_comparison_that_breaks_is_a_sentence_and_no_verdict(plan_json, tmp_path):
    def breaks(_):
        raise KeyError("hush")

    gate = engine.run_gate(plan_json, names=["private_tasks"], report=tmp_path / "report.html", compare=breaks)
    assert gate.passed
    assert "This plan could not be compared with another (KeyError)." in (tmp_path / "report.md").read_text()


def test_names_in_the_picture_are_escaped():
    hostile = "<script>alert(1)</script>"
    plan = Plan(
        plan_data(
            resource("aws_vpc.a", {"cidr_block": hostile}),
            task_definition("aws_ecs_task_definition.b"),
            resource("aws_s3_bucket.c", {"bucket": hostile}),
        )
    )
    drawn = draw(read_architecture(plan))
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn


def test_a_plan_without_tasks_has_no_picture(tmp_path):
    page = tmp_path / "report.html"
    path = write(tmp_path / "plan.json", plan_data(resource("aws_sqs_queue.q", {"name": "q"})))
    engine.run_gate(path, names=["no_ingress"], report=page)
    assert "<svg" not in page.read_text()

"""The report as a reviewer sees it: opened in a real browser, without network."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from browser import browser
from patience import PATIENCE_SECONDS
from plan_builder import LOGS, plan_data, resource, task_definition, write

from scripts.gate import engine
from scripts.gate.reading.plan import Plan
from scripts.gate.report.architecture import read_architecture
from scripts.gate.report.picture import draw

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr", "--dump-dom",
)  # fmt: skip


def opened(page: Path, tmp_path: Path) -> tuple[str, list[str]]:
    """The page's DOM after loading, and what the browser's console said."""
    command = [browser(), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
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
    assert "module.network.aws_vpc_security_group_ingress_rule.open" in dom
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
    parts = ["<h1>", "What changes", "<h2>Findings", "Checks that failed", "Checks that passed", "<svg", "<h2>Changes"]
    assert sorted(parts, key=text.index) == parts


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

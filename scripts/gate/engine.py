"""Runs the gate on one plan: rules and checkov, findings on the console, record and report as files."""

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from scripts.gate import catalog
from scripts.gate.checkov_scan import CheckovScan, checkov_version
from scripts.gate.decisions.tables import TEAM
from scripts.gate.diff.line import Comparison
from scripts.gate.diff.security import compare_applied
from scripts.gate.reading.hcl import Hcl
from scripts.gate.reading.plan import Plan
from scripts.gate.record import GateRecord, RecordRefused, RuleResult, Versions, differences, sha256
from scripts.gate.report.console import print_result, print_review, print_summary
from scripts.gate.report.markdown import write_markdown
from scripts.gate.report.report import write_report
from scripts.gate.rules.inline_skips import Skips
from scripts.shared import git_tree
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal
from scripts.shared.terraform import locked_version

TERRAFORM = ROOT / "terraform"


def run_gate(
    plan_json: Path,
    *,
    tfplan: Path | None = None,
    environment: str = "",
    image_digest: str = "",
    offline: bool = False,
    names: Sequence[str] | None = None,
    hcl: Path | None = TERRAFORM,
    scan: CheckovScan | None = None,
    record: Path | None = None,
    report: Path | None = None,
    compare: Callable[[Plan], Comparison] | None = None,
    console: Console | None = None,
) -> GateRecord:
    """Run the checks and print what they found.

    Args:
        tfplan: the binary plan that `plan_json` shows; its sha256 is what apply compares.
        environment, image_digest: refused if the plan has others; by default those of the plan.
        names: the checks to run, and with them those they need; by default all.
        hcl: the Terraform root for checkov to scan with the plan; None scans the plan alone.
        scan: checkov, if it was started earlier; by default it is started here.
        record, report: files to write. Older ones are removed first, also when the gate cannot run. Beside the report
            goes a short one, report.md.
        compare: compares the plan for the report, by default with what it found applied; the result does not depend on
            it.

    Raises:
        Refusal: exit code 2, the plan could not be checked.
    """
    console = console or Console(highlight=False, soft_wrap=True, emoji=False)
    started, clock = datetime.now(UTC), time.perf_counter()
    for stale in filter(None, (record, report, report and report.with_suffix(".md"))):
        stale.unlink(missing_ok=True)
    chosen = catalog.check_names() if names is None else catalog.choose_checks(names)
    with ExitStack() as stack:
        checkov = stack.enter_context(scan or CheckovScan(ROOT, hcl)) if catalog.CHECKOV in chosen else None
        plan = Plan.load(plan_json)
        digest = sha256(plan_json)
        environment = _require_same(plan, "environment", environment)
        image_digest = _require_same(plan, "image_digest", image_digest)
        if checkov:
            checkov.scan_plan(plan_json)
        results = []
        read = Hcl(hcl, plan) if hcl else None
        places = Skips(hcl, module_sources(plan)) if hcl else None
        for name in chosen:
            if checkov and name == catalog.CHECKOV:
                result = _run_checkov(checkov, plan)
            else:
                result = catalog.run_rule(name, plan, read)
            results.append(result.with_places(places.place) if places else result)
            print_result(console, results[-1])
    gate = GateRecord(
        passed=all(result.passed for result in results),
        environment=environment,
        account_id=plan.variable("account_id") or "",
        image_digest=image_digest,
        offline=offline or _is_offline(plan),
        **git_tree.source(),
        plan_sha256=sha256(tfplan) if tfplan else "",
        plan_json_sha256=digest,
        versions=Versions(
            terraform=str(plan.data.get("terraform_version") or "unknown"),
            aws_provider=locked_version(hcl or TERRAFORM),
            checkov=checkov_version(ROOT) if catalog.CHECKOV in chosen else "not run",
            rules=rules_digest(),
        ),
        started_at=started,
        finished_at=datetime.now(UTC),
        rules=results,
    )
    if report:
        comparison = _compare(plan, compare or (_not_compared if gate.offline else compare_applied))
        _write_report(report, gate, plan, comparison)
        print_review(console, gate, comparison)
    if record:
        gate.write(record)
    print_summary(console, gate, time.perf_counter() - clock, report)
    return gate


def recheck(recorded: GateRecord, tfplan: Path, plan_json: Path, scan: CheckovScan) -> None:
    """Run the gate on a plan again, and refuse if its record says anything else: the record was edited.

    `plan_json` must have been made from `tfplan` just now: files in a folder may have been edited, as the record may.

    Raises:
        RecordRefused: with each field that differs.
    """
    silent = Console(quiet=True)
    again = run_gate(
        plan_json,
        tfplan=tfplan,
        environment=recorded.environment,
        image_digest=recorded.image_digest,
        scan=scan,
        console=silent,
    )
    if differ := differences(recorded, again):
        raise RecordRefused(
            f"The gate record differs from the gate's result for this plan: {'; '.join(differ)}. "
            "The record was edited, or made by other rules: run `make plan` again."
        )


def gate_folder(
    folder: Path,
    *,
    environment: str,
    image_digest: str = "",
    offline: bool = False,
    scan: CheckovScan | None = None,
    compare: Callable[[Plan], Comparison] | None = None,
) -> int:
    """Run the gate on plan.tfplan and plan.json of a folder, and write gate.json, report.html and report.md there.

    Returns:
        The exit code: 0 passed, 1 findings.
    """
    gate = run_gate(
        folder / "plan.json",
        tfplan=folder / "plan.tfplan",
        environment=environment,
        image_digest=image_digest,
        offline=offline,
        scan=scan,
        record=folder / "gate.json",
        report=folder / "report.html",
        compare=compare,
    )
    return 0 if gate.passed else 1


def rules_digest() -> str:
    """`sha256:<16 hex>` of the gate's code and tables, the team's too: it shows by which rules a record was made."""
    gate = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted([*gate.rglob("*.py"), *gate.rglob("*.yaml"), *TEAM.glob("*.yaml")]):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return f"sha256:{digest.hexdigest()[:16]}"


def _require_same(plan: Plan, variable: str, given: str) -> str:
    planned = plan.variable(variable)
    if given and given != planned:
        made = f"with {variable} = {planned}" if planned else f"without {variable}"
        raise Refusal(f"The plan was made {made}; expected {given}: run `make plan` again.")
    return given or planned or ""


def _run_checkov(scan: CheckovScan, plan: Plan) -> RuleResult:
    findings = scan.findings(module_sources(plan))
    return RuleResult.from_findings(catalog.CHECKOV, findings, scan.seconds)


def module_sources(plan: Plan) -> dict[str, str]:
    """The source folder of each module call of a plan, by the module's address."""
    return {address: module["source"] for address, module in plan.modules.items() if address}


def _is_offline(plan: Plan) -> bool:
    """Whether the provider was configured by `make plan OFFLINE=1`, which does not ask for the account."""
    value = plan.data
    for key in (
        "configuration",
        "provider_config",
        "aws",
        "expressions",
        "skip_requesting_account_id",
        "constant_value",
    ):
        value = value.get(key) if isinstance(value, dict) else None
    return value is True


def _write_report(path: Path, gate: GateRecord, plan: Plan, comparison: Comparison) -> None:
    try:
        write_report(path, gate, plan, comparison)
        write_markdown(path.with_suffix(".md"), gate, comparison)
    except Exception as error:
        raise Refusal(
            f"{path.name}: cannot draw this plan ({type(error).__name__}); expected `terraform show -json`'s output."
        ) from error


def _not_compared(_: Plan) -> Comparison:
    return Comparison(
        problem="This offline plan is compared with nothing; `make plan` compares it with another commit."
    )


def _compare(plan: Plan, compare: Callable[[Plan], Comparison]) -> Comparison:
    """The plan's comparison. That it cannot be made is no finding: it is for the reader."""
    try:
        return compare(plan)
    except Exception as error:
        # Only the type: the message of an error may repeat a value of the plan.
        return Comparison(problem=f"This plan could not be compared with another ({type(error).__name__}).")

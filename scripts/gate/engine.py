"""Runs the gate: rules and checkov on one plan, findings on the console, record and report as files."""

import hashlib
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from scripts.gate import catalog
from scripts.gate.checkov_scan import CheckovScan, checkov_version
from scripts.gate.reading.hcl import Hcl
from scripts.gate.reading.plan import Plan
from scripts.gate.record import GateRecord, RecordRefused, RuleResult, Versions, differences, sha256
from scripts.gate.report.report import write_report
from scripts.gate.rules.inline_skips import Skips
from scripts.shared import git_tree
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal
from scripts.shared.steps import shown
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
    console: Console | None = None,
) -> GateRecord:
    """Run the checks and say on the console what they found.

    Args:
        tfplan: the binary plan that `plan_json` shows; its sha256 is what apply compares.
        environment, image_digest: must be the plan's own; by default they are taken from it.
        names: the checks to run, with those they need; None is all.
        hcl: the Terraform root for checkov to scan with the plan; None scans the plan alone.
        scan: a checkov started earlier, while Terraform planned; by default one is started here.
        record, report: files to write; an older one is removed first, so that none outlives its plan.

    Raises:
        Refusal: exit code 2, the plan could not be checked.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    started, clock = datetime.now(UTC), time.perf_counter()
    for stale in filter(None, (record, report)):
        stale.unlink(missing_ok=True)
    chosen = catalog.check_names() if names is None else catalog.choose(names)
    with ExitStack() as stack:
        if catalog.CHECKOV in chosen:
            scan = stack.enter_context(scan or CheckovScan(ROOT, hcl))
        plan = Plan.load(plan_json)
        digest = sha256(plan_json)
        environment = _same(plan, "environment", environment)
        image_digest = _same(plan, "image_digest", image_digest)
        if catalog.CHECKOV in chosen:
            scan.start_on(plan_json)
        results = []
        read = Hcl(hcl, plan) if hcl else None
        places = Skips(hcl, module_sources(plan)) if hcl else None
        for name in chosen:
            result = _checkov(scan, plan) if name == catalog.CHECKOV else catalog.run_rule(name, plan, read)
            results.append(result.placed(places.place) if places else result)
            _say(console, results[-1])
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
        _report(report, gate, plan)
    if record:
        gate.write(record)
    _close(console, gate, time.perf_counter() - clock, report)
    return gate


def prove(recorded: GateRecord, tfplan: Path, plan_json: Path, scan: CheckovScan) -> None:
    """Make the record of a plan again, and refuse if the one that is there says anything else: it was edited.

    `plan_json` must come from `tfplan` just now: nothing that lies in a folder is believed, the record least of all.

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
            f"The gate record is not what the gate says of this plan now: {'; '.join(differ)}. "
            "It was edited, or made by other rules: `make plan` again."
        )


def gate_folder(
    folder: Path, *, environment: str, image_digest: str = "", offline: bool = False, scan: CheckovScan | None = None
) -> int:
    """The gate of `make plan` on plan.tfplan and plan.json in a folder; writes gate.json and report.html there.

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
    )
    return 0 if gate.passed else 1


def rules_digest() -> str:
    """`sha256:<16 hex>` of the gate's own code and tables: with it a record says by which rules it was made."""
    gate = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted([*gate.rglob("*.py"), *gate.rglob("*.yaml")]):
        digest.update(f"{path.relative_to(gate)}\0".encode() + path.read_bytes() + b"\0")
    return f"sha256:{digest.hexdigest()[:16]}"


def _same(plan: Plan, variable: str, given: str) -> str:
    planned = plan.variable(variable)
    if given and given != planned:
        made = f"with {variable} = {planned}" if planned else f"without {variable}"
        raise Refusal(f"The plan was made {made}; expected {given}: run `make plan` again")
    return given or planned or ""


def _checkov(scan: CheckovScan, plan: Plan) -> RuleResult:
    findings = scan.findings(module_sources(plan))
    return RuleResult.of(catalog.CHECKOV, findings, scan.seconds)


def module_sources(plan: Plan) -> dict[str, str]:
    """The module calls of a plan and the folders that they name."""
    return {address: module["source"] for address, module in plan.modules.items() if address}


def _is_offline(plan: Plan) -> bool:
    """Whether the provider was told not to ask which account it is in: what `make plan OFFLINE=1` does."""
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


def _say(console: Console, result: RuleResult) -> None:
    if result.skipped:
        console.print(f"- {result.name:<22} skipped: {result.skipped}")
        return
    colour = "green" if result.passed else "red"
    console.print(f"[{colour}]{'✓' if result.passed else '✗'}[/] {result.name:<22} {result.seconds:8.3f} s")
    for finding in result.findings:
        line = f"    {finding.address}: got {finding.got}; expected {finding.expected}"
        line += f" [{finding.place}]" if finding.place else ""
        # A plan that is not ours may hold control characters, which a terminal would obey.
        console.print("".join(char if char.isprintable() else "?" for char in line), markup=False)


def _report(path: Path, gate: GateRecord, plan: Plan) -> None:
    try:
        write_report(path, gate, plan)
    except Exception as error:
        raise Refusal(
            f"{path.name}: cannot draw this plan ({type(error).__name__}); expected what Terraform plans"
        ) from error


def _close(console: Console, gate: GateRecord, seconds: float, report: Path | None) -> None:
    said = "[green]passed[/]" if gate.passed else f"[red]failed[/] with {_plural(len(gate.findings), 'finding')}"
    where = f"; look at {shown(report)}" if report else ""
    console.print(
        f"Gate {said}: {_plural(sum(not rule.skipped for rule in gate.rules), 'check')} in {seconds:.1f} s{where}"
    )


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"

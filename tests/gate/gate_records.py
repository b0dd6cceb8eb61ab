"""Makes gate records that fit an environment, to be spoiled in one place."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.gate import catalog
from scripts.gate.reading.plan import Finding
from scripts.gate.record import GateRecord, RuleResult, Versions, sha256

DIGEST = "sha256:" + "a" * 64
COMMIT = "1" * 40
FINDING = Finding("module.network.aws_security_group.flow", "ingress", "none")


def gate_record(*, plan: Path | None = None, findings: tuple[Finding, ...] = (), **changes: Any) -> GateRecord:
    """A record of a complete gate on `plan` of amber; `findings` are those of its first rule."""
    first, *others = catalog.check_names()
    facts: dict[str, Any] = {
        "passed": not findings,
        "environment": "amber",
        "account_id": "111111111111",
        "image_digest": DIGEST,
        "offline": False,
        "commit": COMMIT,
        "tree_clean": True,
        "plan_sha256": sha256(plan) if plan else "0" * 64,
        "plan_json_sha256": "0" * 64,
        "versions": Versions(terraform="1.11.4", aws_provider="5.100.0", checkov="3.3.30", rules="sha256:0"),
        "started_at": datetime.now(UTC),
        "finished_at": datetime.now(UTC),
        "rules": [
            RuleResult.from_findings(first, findings, 0.1),
            *(RuleResult.from_findings(name, [], 0.1) for name in others),
        ],
    }
    return GateRecord(**facts | changes)

"""The gate record: what was checked and with what result. `verify` compares it with what is to be applied."""

import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from scripts.gate.reading.plan import Finding
from scripts.shared.refusal import Refusal
from scripts.shared.whole_file import write_whole


class RecordRefused(Refusal):
    """The record does not allow what was asked for; the message lists every reason."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=1)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RecordedFinding(_Strict):
    """A finding as the record keeps it. `place` is the file and line of its block, where the HCL was read."""

    address: str
    got: str
    expected: str
    place: str = ""


class RuleResult(_Strict):
    """One check: it passed if it found nothing. `skipped` says why it did not run; then the plan cannot be applied."""

    name: str
    passed: bool
    seconds: float
    findings: list[RecordedFinding]
    skipped: str = ""

    @classmethod
    def skip(cls, name: str, reason: str) -> Self:
        """The result of a check that did not run."""
        return cls(name=name, passed=True, seconds=0, findings=[], skipped=reason)

    @classmethod
    def from_findings(cls, name: str, findings: Iterable[Finding], seconds: float) -> Self:
        kept = [RecordedFinding(address=f.address, got=f.got, expected=f.expected) for f in findings]
        return cls(name=name, passed=not kept, seconds=round(seconds, 4), findings=kept)

    def with_places(self, place: Callable[[str], str]) -> Self:
        """The same result with the place of each finding in the HCL."""
        found = [one.model_copy(update={"place": place(one.address)}) for one in self.findings]
        return self.model_copy(update={"findings": found})

    @model_validator(mode="after")
    def _passed_means_no_finding(self) -> Self:
        if self.passed is bool(self.findings):
            raise ValueError(f"{self.name} says passed = {self.passed} with {len(self.findings)} findings")
        return self


class Versions(_Strict):
    """What the check was made with. `rules` is the digest of this package."""

    terraform: str
    aws_provider: str
    checkov: str
    rules: str


class GateRecord(_Strict):
    """gate.json. Hashes are hexadecimal sha256; `image_digest` is `sha256:<64 hex>`; times are UTC."""

    format: Literal[1] = 1
    passed: bool
    environment: str
    account_id: str
    image_digest: str
    offline: bool
    commit: str
    tree_clean: bool
    plan_sha256: str
    plan_json_sha256: str
    versions: Versions
    started_at: datetime
    finished_at: datetime
    rules: list[RuleResult]

    @model_validator(mode="after")
    def _passed_means_all_passed(self) -> Self:
        if self.passed is not all(rule.passed for rule in self.rules):
            raise ValueError(f"passed = {self.passed}, but its rules say otherwise")
        return self

    @property
    def findings(self) -> list[RecordedFinding]:
        """All findings of all rules."""
        return [finding for rule in self.rules for finding in rule.findings]

    def write(self, path: Path) -> None:
        """Write the record as JSON."""
        write_whole(path, self.model_dump_json(indent=2) + "\n")


def read(path: Path) -> GateRecord:
    """Read a record. Raises RecordRefused if it is missing, no record, or contradicts itself."""
    try:
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise RecordRefused(f"{path}: no gate record ({error.strerror}); expected one: run `make plan`") from None


def parse(content: bytes, source: str) -> GateRecord:
    """Read a record from its JSON. Raises RecordRefused, naming the source, if it is none or contradicts itself."""
    try:
        return GateRecord.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the record"
        raise RecordRefused(
            f"{source}: got an invalid record ({where}: {first['msg']}); "
            "expected the record that the gate wrote: run `make plan`"
        ) from None


def verify(
    record: GateRecord,
    *,
    plan: Path | None = None,
    plan_json: Path | None = None,
    environment: str | None = None,
    image_digest: str | None = None,
    commit: str | None = None,
    checks: Iterable[str] = (),
) -> None:
    """Compare a record with what is about to be applied or registered; what is None is not compared.

    `checks` are the names of all checks of a complete gate (`catalog.check_names()`).

    Raises:
        RecordRefused: with everything that differs.
    """
    problems = []
    if not record.passed:
        count = len(record.findings)
        problems.append(f"the gate did not pass ({count} finding{'s' if count != 1 else ''})")
    if missing := sorted(set(checks) - {rule.name for rule in record.rules if not rule.skipped}):
        problems.append(f"these checks did not run: {', '.join(missing)}")
    if record.offline:
        problems.append("it is of an offline plan, which does not know what exists")
    if not record.tree_clean and record.environment != "local":
        problems.append("the plan was made from a working tree with uncommitted changes")
    compared = {
        "plan": (record.plan_sha256, sha256(plan) if plan else None),
        "plan JSON": (record.plan_json_sha256, sha256(plan_json) if plan_json else None),
        "environment": (record.environment, environment),
        "image": (record.image_digest, image_digest),
        "commit": (record.commit, commit),
    }
    for what, (recorded, actual) in compared.items():
        if actual is not None and recorded != actual and not (what == "commit" and record.environment == "local"):
            problems.append(f"it is of {what} {_short(recorded)}, not {_short(actual)}")
    if problems:
        remedy = "correct its findings and plan again" if record.findings else "plan and apply the current sources"
        again = "`make up`" if record.environment == "local" else "`make plan` and `make apply`"
        raise RecordRefused(f"The gate record does not fit: {'; '.join(problems)}. To continue, {remedy}: {again}.")


TIMES = {"started_at", "finished_at", "seconds"}


def differences(recorded: GateRecord, again: GateRecord) -> list[str]:
    """In what two records of one plan differ, apart from times and, for `local`, the commit."""
    loose = {"commit", "tree_clean"} if recorded.environment == "local" else set()
    found = []
    for name in GateRecord.model_fields.keys() - TIMES - loose - {"rules"}:
        had, has = getattr(recorded, name), getattr(again, name)
        if had != has:
            found.append(f"{name} is {_short(str(had))}, not {_short(str(has))}")
    had, has = ({rule.name: rule.model_dump(exclude=TIMES) for rule in one.rules} for one in (recorded, again))
    found += [f"the result of {name}" for name in {**had, **has} if had.get(name) != has.get(name)]
    return sorted(found)


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file; RecordRefused if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordRefused(f"{path}: cannot be read ({error.strerror}); expected the plan: run `make plan`") from None


def _short(value: str) -> str:
    """Digests and commits shortened to their first 12 characters."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1…", value) or "(none)"

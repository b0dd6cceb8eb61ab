"""Runs checkov over the HCL and the plan in one process, which starts while Terraform still plans."""

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from scripts.gate.reading.plan import Finding, without_indexes
from scripts.gate.rules.inline_skips import Skips
from scripts.shared.refusal import Refusal

VARIABLE = "DATA_FLOWS_CHECKOV"
DEFAULT = Path(".venv-checkov/bin/checkov")
TIMEOUT_SECONDS = 1800
BROKEN = re.compile(r"Failed to run check (\S+) on \S*\.json:(\S+)")
# Importing checkov is two thirds of its time, and the HCL needs no plan: it does both while Terraform plans, then waits
# for the plan's name. The HCL is scanned in a fork, so that neither scan meets what the other left in memory.
# It lives for seconds, so nothing is worth collecting, and Terraform goes first.
# checkov makes the tables of its JSONPath grammar anew for each path, half of the HCL scan's time: once is enough.
PROGRAM = """
import gc, os, sys, warnings
warnings.simplefilter("ignore")
gc.disable()
os.nice(10)
import ply.yacc
tables, make = {}, ply.yacc.yacc
def make_once(*arguments, **options):
    key = type(options.get("module")), options.get("start")
    if key not in tables:
        tables[key] = make(*arguments, **options)
    return tables[key]
ply.yacc.yacc = make_once
from checkov.main import Checkov
def scan(arguments):
    try:
        return Checkov(arguments).run() or 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    finally:
        sys.stdout.flush()
early = sys.argv[1:]
child = os.fork() if early else None
if child == 0:
    os.dup2(os.open("hcl.json", os.O_CREAT | os.O_WRONLY, 0o600), 1)
    os._exit(scan(early))
arguments = sys.stdin.read().split("\\0")
if arguments == [""]:
    sys.exit(0)
code = scan(arguments)
if child and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) not in (0, 1):
    code = 2
sys.exit(code)
"""
FLAGS = ("--compact", "--quiet", "-o", "json", "--skip-download")
"""Not `--repo-root-for-plan-enrichment`: it lets a skip count for the same block name in every module, and for every
check whose id starts like the skipped one. `inline_skips` does it by module, block and exact id."""


class CheckovScan:
    """One run of checkov. It scans the HCL at once and the plan after `scan_plan`; `findings` waits for both."""

    def __init__(self, root: Path, hcl: Path | None = None) -> None:
        """`root`: the repository, where checkov is; `hcl`: the Terraform root to scan, None for the plan alone."""
        self.command = find_checkov(root)
        self.hcl = hcl.resolve() if hcl else None
        if self.hcl and not self.hcl.is_dir():
            raise Refusal(f"{hcl}: no such folder; expected the Terraform root to scan, or --no-hcl")
        self.seconds = 0.0
        self._home = tempfile.TemporaryDirectory(prefix="checkov-")
        early = [*FLAGS, "--framework", "terraform", "-d", str(self.hcl)] if self.hcl else []
        self._process = subprocess.Popen(
            [str(self.command.with_name("python")), "-c", PROGRAM, *early],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._home.name,
            env=_environment(self._home.name),
            text=True,
        )

    def scan_plan(self, plan: Path) -> Self:
        """Start the scan of the plan; that of the HCL has started already."""
        self._started = time.perf_counter()
        arguments = [*FLAGS, "--framework", "terraform_plan", "-f", str(plan.resolve())]
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # It has died already; `findings` says of what.
            self._process.stdin.write("\0".join(arguments))
            self._process.stdin.close()
        self._process.stdin = None
        return self

    def findings(self, sources: dict[str, str]) -> list[Finding]:
        """Wait for the scan. `sources`: the module calls of the plan and their source folders, for the skips.

        Raises:
            Refusal: checkov could not look (exit code 2).
        """
        try:
            output, errors = self._process.communicate(timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            raise Refusal(f"checkov: no result after {TIMEOUT_SECONDS} s: run it again.") from None
        else:
            hcl = Path(self._home.name) / "hcl.json"
            early = hcl.read_text() if self.hcl and hcl.is_file() else ""
        finally:
            self.close()
        self.seconds = time.perf_counter() - self._started
        reports = _reports(output, errors, self._process.returncode)
        reports += _reports(early, errors, self._process.returncode) if self.hcl else []
        skips = Skips(self.hcl, sources) if self.hcl else None
        return [*(skips.find_unreasoned() if skips else []), *_findings(reports, skips)]

    def close(self) -> None:
        """End the process if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        self._home.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def find_checkov(root: Path) -> Path:
    """The checkov command, in its virtual environment. Raises Refusal if there is none."""
    command = Path(os.environ.get(VARIABLE) or root / DEFAULT)
    if not (command.is_file() and command.resolve().with_name("python").exists()):
        raise Refusal(f"{command}: found no checkov; expected its own environment: run `make setup` or set {VARIABLE}")
    return command.resolve()


def checkov_version(root: Path) -> str:
    """checkov's version, from the metadata of its environment: to start checkov for it takes seconds."""
    library = find_checkov(root).parent.parent / "lib"
    names = (path.name for path in library.glob("python3*/site-packages/checkov-*.dist-info"))
    return next((name.removeprefix("checkov-").removesuffix(".dist-info") for name in names), "unknown")


def _environment(home: str) -> dict[str, str]:
    """Environment variables without API key, settings file or network: the proxy's address is that of no server."""
    nowhere = "http://127.0.0.1:9"
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), nowhere)
    return {"PATH": os.defpath, "HOME": home, "LANG": "C.UTF-8", "LOG_LEVEL": "ERROR", **proxies}


def _reports(output: str, errors: str, code: int) -> list[dict[str, Any]]:
    last = (errors.strip() or output.strip() or "no output").splitlines()[-1]
    try:
        data = json.loads(output) if code in {0, 1} else None
    except ValueError:
        data = None
    if data is None:
        raise Refusal(f"checkov: ended with {code} and no result; expected a JSON report. It said: {last}")
    # In HCL, checks fail on expressions that only a plan resolves. On the plan, every check must have run.
    if broken := BROKEN.search(errors):
        raise Refusal(f"checkov: could not run {broken[1]} on {broken[2]}; expected every check to look at the plan")
    reports = [report for report in (data if isinstance(data, list) else [data]) if "check_type" in report]
    for report in reports:
        if count := report["summary"]["parsing_errors"]:
            raise Refusal(
                f"checkov: could not parse {count} file(s); expected valid Terraform; run `terraform validate`"
            )
    return reports


def _findings(reports: list[dict[str, Any]], skips: Skips | None) -> Iterator[Finding]:
    """One finding for each check and block, with the address in the plan if the plan shows it too."""
    from_plan: set[tuple[str, str]] = set()
    for report in sorted(reports, key=lambda report: report["check_type"], reverse=True):
        is_plan = report["check_type"] == "terraform_plan"
        for failure in report["results"].get("failed_checks", []):
            id_, address = failure["check_id"], _address(failure)
            key = (id_, without_indexes(address))
            # In its scan of the HCL, checkov applies the skips by itself.
            if (is_plan and skips and id_ in skips.ids_at(address)) or (not is_plan and key in from_plan):
                continue
            if is_plan:
                from_plan.add(key)
            place = skips.place(address) if skips else ""
            where = f"{'plan' if is_plan else 'HCL'}{', ' if place else ''}{place}"
            yield Finding(address, f"{id_} failed ({where})", _expected(failure["check_name"]))


def _address(failure: dict[str, Any]) -> str:
    """The address as Terraform writes it: checkov leaves out `data`."""
    address: str = failure["resource"]
    head, kind, name = ["", *address.rsplit(".", 2)][-3:] if address.count(".") else ["", "", address]
    if ".checks.data." not in failure.get("check_class", "") or f".{head}".endswith(".data"):
        return address
    return ".".join(filter(None, (head, "data", kind, name)))


def _expected(check_name: str) -> str:
    """checkov's sentence as what is expected: without its "Ensure that"."""
    return re.sub(r"^Ensure (that )?", "", check_name)

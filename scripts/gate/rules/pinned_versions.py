"""The same code gives the same plan: Terraform and providers are pinned, and the lock file is committed."""

import re
from collections.abc import Iterator

from scripts.gate.reading.hcl import Hcl, blocks
from scripts.gate.reading.plan import Finding, Plan

EXPECTED = 'a version that a new major cannot satisfy, such as "~> 1.11"'
LOCK = ".terraform.lock.hcl"
PINNED = re.compile(r"(?:~> *\d+\.\d+(?:\.\d+)?|=? *\d+\.\d+\.\d+)")


def check_hcl(hcl: Hcl, _plan: Plan) -> Iterator[Finding]:
    if not (hcl.root / LOCK).is_file():
        yield Finding(hcl.short(hcl.root), f"no {LOCK}", "the lock file of `terraform init`, committed")
    for folder in dict.fromkeys(hcl.folders.values()):
        where = hcl.short(folder)
        settings = [body for _, body in blocks(folder, "terraform")]
        versions = [body["required_version"] for body in settings if "required_version" in body]
        if not versions or not all(PINNED.fullmatch(str(version)) for version in versions):
            yield Finding(where, f"required_version = {', '.join(versions) or 'unset'}", EXPECTED)
        providers = {
            name: of.get("version", "unset") if isinstance(of, dict) else "unset"
            for body in settings
            for block in body.get("required_providers") or []
            for name, of in block.items()
            if not name.startswith("__")
        }
        for name, version in providers.items() or [("aws", "unset")]:
            if not PINNED.fullmatch(str(version)):
                yield Finding(where, f"provider {name}: version = {version}", EXPECTED)

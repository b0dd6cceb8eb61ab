"""State lies where the environment's facts say: the root names the backend s3 and leaves its settings to them."""

from collections.abc import Iterator

from scripts.gate.reading.hcl import Hcl, blocks
from scripts.gate.reading.plan import Finding, Plan

OURS = True


def check_hcl(hcl: Hcl, _plan: Plan) -> Iterator[Finding]:
    backends = [
        (kind, {key: value for key, value in body.items() if not key.startswith("__")})
        for _, settings in blocks(hcl.root, "terraform")
        for backend in settings.get("backend") or []
        for kind, body in backend.items()
        if not kind.startswith("__")
    ]
    clouds = [settings["cloud"] for _, settings in blocks(hcl.root, "terraform") if "cloud" in settings]
    if backends != [("s3", {})]:
        got = ", ".join(f"{kind} with {', '.join(body) or 'no setting'}" for kind, body in backends) or "none"
        yield Finding(hcl.short(hcl.root), f"backend {'cloud' if clouds else got}", 'backend "s3" {}')

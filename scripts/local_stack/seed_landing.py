"""Put landing data into the results bucket, by the function in each `_landing.py` below flows/.

Example: python -m scripts.local_stack.seed_landing

A `_landing.py` defines `put_landing_data(s3, bucket, progress) -> str`. It puts what is missing, calls
`progress(message)` meanwhile, and returns one line that says what it did.
"""

import importlib
from pathlib import Path

from scripts.gate import applied_state
from scripts.shared.command import run_command
from scripts.shared.environments import ROOT, find_environment
from scripts.shared.refusal import Refusal

HOOK = "put_landing_data"


def landing_files(root: Path = ROOT) -> list[Path]:
    """The files that hold a hook, as paths relative to `root`."""
    return sorted(path.relative_to(root) for path in (root / "flows").rglob("_landing.py"))


def seed_landing(s3: object, bucket: str, files: list[Path]) -> str:
    """Call the hook of each file; returns their lines as one.

    Raises:
        Refusal: a file defines no hook.
    """
    lines = []
    for file in files:
        hook = getattr(importlib.import_module(".".join(file.with_suffix("").parts)), HOOK, None)
        if hook is None:
            raise Refusal(f"{file}: got no {HOOK}; expected `def {HOOK}(s3, bucket, progress) -> str`.", 1)
        lines.append(hook(s3, bucket, lambda message: print(message, flush=True)))
    return "; ".join(lines)


def main() -> None:
    """Put what is missing."""
    environment = find_environment("local")
    (bucket,) = applied_state.read_outputs(environment, "results_bucket")
    print(seed_landing(environment.client("s3"), bucket, landing_files()))


if __name__ == "__main__":
    run_command(main)

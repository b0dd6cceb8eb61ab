"""Which files of flows/ are flow files."""

from pathlib import Path

from scripts.shared.environments import ROOT


def flow_files(root: Path = ROOT) -> list[Path]:
    """Every *.py below flows/, at any depth, but not in flows/shared/ nor where a name begins with `_`."""
    flows = root / "flows"
    return sorted(
        path
        for path in flows.rglob("*.py")
        if (parts := path.relative_to(flows).parts)[0] != "shared" and not any(part.startswith("_") for part in parts)
    )

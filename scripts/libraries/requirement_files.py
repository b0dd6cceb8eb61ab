"""Edits requirements/*.in as a person would: a line a library, comments and order stay."""

from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from scripts.shared.lock_file import locked_versions, normalized
from scripts.shared.refusal import Refusal

FLOWS, DEV = "flows", "dev"


def parse(given: str) -> Requirement:
    """What a person typed as PKG.

    Raises:
        Refusal: it is no library of a package index.
    """
    expected = "expected a library as the package index has it, such as PKG=pydantic or PKG='pydantic>=2,<3'"
    try:
        requirement = Requirement(given)
    except InvalidRequirement:
        raise Refusal(f'PKG is "{given}"; {expected}.') from None
    if requirement.url:
        raise Refusal(f'PKG is "{given}", an address; {expected}: locks hold no address.')
    return requirement


def name_of(line: str) -> str:
    """The normalized name of the library that a line asks for, or an empty string."""
    try:
        return normalized(Requirement(line.partition(" #")[0].strip()).name)
    except InvalidRequirement:  # A comment, an option, a blank line.
        return ""


def with_requirement(text: str, requirement: Requirement, given: str) -> str:
    """The file with this library: its line is replaced or, where there is none, put in its place by name."""
    lines, name = text.splitlines(), normalized(requirement.name)
    names = list(map(name_of, lines))
    if name in names:
        place = names.index(name)
        comment = lines[place].partition(" #")[2]
        lines[place] = f"{given} #{comment}" if comment else given
    else:
        place = next((number for number, other in enumerate(names) if other > name), len(lines))
        lines.insert(place, given)
    return "\n".join(lines) + "\n"


def without_requirement(text: str, name: str) -> str:
    """The file without the library."""
    return "".join(line for line in text.splitlines(keepends=True) if name_of(line) != name)


def holders(folder: Path, name: str) -> list[str]:
    """The .in files that ask for the library by name, such as ["flows"]."""
    return [path.stem for path in sorted(folder.glob("*.in")) if name in map(name_of, path.read_text().splitlines())]


def locks_with(folder: Path, name: str) -> list[str]:
    """The locks that hold the library, such as ["dev", "runtime"]."""
    return [path.stem for path in sorted(folder.glob("*.txt")) if name in locked_versions(path)]

"""What adding, removing or upgrading a library edits, which locks that concerns, and when it is refused."""

from dataclasses import dataclass, field
from pathlib import Path

from scripts.libraries import requirement_files
from scripts.libraries.installed import needed_by
from scripts.libraries.requirement_files import DEV, FLOWS
from scripts.libraries.resolving import LOCKS, REQUIREMENTS
from scripts.shared.lock_file import IMPORTED_AS, normalized
from scripts.shared.refusal import Refusal

# The locks that each file of requirements decides: the image's libraries are installed for development too.
DECIDES = {FLOWS: ("runtime", "dev"), DEV: ("dev",)}


@dataclass(frozen=True)
class Edit:
    """New texts of .in files by name, locks to resolve with uv's options, and the library that it is about."""

    said: str
    locks: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    name: str = ""


def edit(action: str, library: str, *, is_dev: bool = False, folder: Path = REQUIREMENTS) -> Edit:
    """The edit.

    Raises:
        Refusal: the library is not named as it should be, not there, or not the team's to remove.
    """
    if action == "upgrade" and not library:
        return Edit("upgrade of all libraries", LOCKS, options=("--upgrade",))
    requirement = requirement_files.parse(library)
    name = normalized(requirement.name)
    if action == "add":
        return _addition(library.strip(), DEV if is_dev else FLOWS, folder)
    if requirement.specifier or requirement.extras:
        raise Refusal(f'PKG is "{library}"; expected the name alone: PKG={requirement.name}.')
    return _removal(name, folder) if action == "remove" else _upgrade(name, folder)


def _addition(library: str, file: str, folder: Path) -> Edit:
    requirement = requirement_files.parse(library)
    if better := IMPORTED_AS.get(requirement.name):
        raise Refusal(f'PKG is "{library}", the name it is imported by; expected the library\'s: PKG={better}.')
    text = (folder / f"{file}.in").read_text()
    new = requirement_files.with_requirement(text, requirement, library)
    said = f"requirements/{file}.in: {library}"
    return Edit(said, DECIDES[file], {file: new}, name=normalized(requirement.name))


def _removal(name: str, folder: Path) -> Edit:
    files = requirement_files.holders(folder, name)
    if ours := [file for file in DECIDES if file in files]:
        texts = {
            file: requirement_files.without_requirement((folder / f"{file}.in").read_text(), name) for file in ours
        }
        said = f"{' and '.join(f'requirements/{file}.in' for file in ours)}: {name} removed"
        return Edit(said, DECIDES[ours[0]], texts, name=name)
    expected = "expected a library of requirements/flows.in or requirements/dev.in"
    if files:
        raise Refusal(
            f"PKG is {name}, which requirements/{files[0]}.in asks for, a file of the product; {expected}.", 1
        )
    if requirement_files.locks_with(folder, name):
        needing = ", ".join(needed_by(name)) or "another library"
        raise Refusal(f"PKG is {name}, which comes along with {needing}; {expected}.", 1)
    raise Refusal(f"PKG is {name}, which is not there; {expected}.", 1)


def _upgrade(name: str, folder: Path) -> Edit:
    locks = tuple(lock for lock in LOCKS if lock in requirement_files.locks_with(folder, name))
    if not locks:
        raise Refusal(f"PKG is {name}, which no lock of requirements/ holds; expected one that does, or `make add`.", 1)
    return Edit(f"upgrade of {name}", locks, options=(f"--upgrade-package={name}",), name=name)

"""The local stack's own values of parameters: `.secrets.env`, which git and the image ignore and `make down` leaves.

Each line is NAME=value, as python-dotenv reads it. What is not in it, the stack makes up at its start.
"""

import stat
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from scripts.shared.environments import Environment
from scripts.shared.parameter_forms import PASSPHRASE, checked
from scripts.shared.parameters import require_known
from scripts.shared.refusal import Refusal
from scripts.shared.whole_file import write_whole


def read(path: Path, environment: Environment) -> dict[str, str]:
    """Value by name; nothing if there is no file.

    Raises:
        Refusal: others may read the file, or a line is none, has an unknown name or a value of the wrong form.
    """
    values = {each.key: each.value for each in _bindings(path) if each.key and each.value}
    for name in values:
        try:
            require_known(environment, name)
        except Refusal as refusal:
            raise Refusal(f"{path.name}: {refusal}") from None
    return {name: checked(name, value.encode(), values.get(PASSPHRASE)) for name, value in values.items()}


def write(path: Path, name: str, value: str) -> None:
    """Set one value; the other lines stay as they are. Only the owner may read the file.

    Raises:
        Refusal: the file that is there cannot be read.
    """
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    others = "".join(each.original.string for each in _bindings(path) if each.key != name)
    end = "" if not others or others.endswith("\n") else "\n"
    write_whole(path, f"{others}{end}{name}='{escaped}'\n", 0o600)


def _bindings(path: Path) -> list[Binding]:
    """The file's lines, those without a name too.

    Raises:
        Refusal: others may read it, or a line is no NAME=value or has the name of another.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise Refusal(
            f"{path}: cannot be read ({reason}); expected a file of yours with a line NAME=value each."
        ) from None
    if mode & 0o077:
        raise Refusal(f"{path}: got mode {mode:04o}, so others can read it; expected 0600: run `chmod 600 {path}`.")
    found: dict[str, int] = {}
    bindings = list(parse_stream(StringIO(text)))
    for each in bindings:
        blank = len(each.original.string) - len(each.original.string.lstrip())
        line = each.original.line + each.original.string[:blank].count("\n")
        if each.error or (each.key and not each.value):
            raise Refusal(
                f"{path.name}:{line}: got no NAME=value; expected one, with quotes around a value of several lines."
            )
        if each.key in found:
            raise Refusal(
                f"{path.name}:{line}: got {each.key} again, after line {found[each.key]}; expected one of them."
            )
        if each.key:
            found[each.key] = line
    return bindings

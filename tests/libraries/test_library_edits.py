"""What a person types as PKG becomes an edit of one file, or is refused with what to type instead."""

import pytest

from scripts.libraries import edits
from scripts.libraries.edits import edit
from scripts.libraries.resolving import conflict
from scripts.shared.refusal import Refusal

FLOWS = "# Yours.\n\nboto3>=1 # For S3.\nPy_YAML>=6\n"


@pytest.fixture
def folder(tmp_path):
    """requirements/ of a few lines."""
    files = {
        "flows.in": FLOWS,
        "runtime.in": "-r flows.in\nprefect>=3\n",
        "dev.in": "-r runtime.in\npytest>=9\n",
        "runtime.txt": "anyio==4 \\\n    --hash=sha256:00\nprefect==3.9.1 \\\n    --hash=sha256:00\n",
        "dev.txt": "anyio==4 \\\n    --hash=sha256:00\npytest==9.0 \\\n    --hash=sha256:00\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("library", "text"),
    [
        ("duckdb>=1", FLOWS.replace("Py_YAML", "duckdb>=1\nPy_YAML")),
        ("zipp", f"{FLOWS}zipp\n"),
        ("boto3>=2,<3", FLOWS.replace("boto3>=1", "boto3>=2,<3")),
        ("py-yaml[c]", FLOWS.replace("Py_YAML>=6", "py-yaml[c]")),
    ],
)
def test_a_library_has_its_line_by_name_and_keeps_its_comment(folder, library, text):
    assert edit("add", f" {library} ", folder=folder).files == {"flows": text}


@pytest.mark.parametrize(("is_dev", "locks"), [(False, ("runtime", "dev")), (True, ("dev",))])
def test_what_the_image_holds_is_locked_before_what_is_for_development(folder, is_dev, locks):
    assert edit("add", "duckdb", is_dev=is_dev, folder=folder).locks == locks


def test_a_removed_library_takes_its_line_along_whatever_way_it_is_spelt(folder):
    assert edit("remove", "PY.yaml", folder=folder).files == {"flows": FLOWS.replace("Py_YAML>=6\n", "")}


@pytest.mark.parametrize(
    ("action", "library", "said"),
    [
        (
            "add",
            "",
            'PKG is ""; expected a library as the package index has it, such as PKG=pydantic or PKG=\'pydantic>',
        ),
        ("add", "-r other.txt", 'PKG is "-r other.txt"; expected a library as the package index has it'),
        ("add", "x @ https://example.com/x.whl", "an address; expected a library as the package index has it"),
        ("add", "sklearn", 'PKG is "sklearn", the name it is imported by; expected the library\'s: PKG=scikit-learn.'),
        ("remove", "", 'PKG is ""; expected a library'),
        ("remove", "boto3>=1", 'PKG is "boto3>=1"; expected the name alone: PKG=boto3.'),
        (
            "remove",
            "prefect",
            "PKG is prefect, which requirements/runtime.in asks for, a file of the product; expected a",
        ),
        (
            "remove",
            "anyio",
            "PKG is anyio, which comes along with prefect; expected a library of requirements/flows.in",
        ),
        ("remove", "nosuch", "PKG is nosuch, which is not there; expected a library of requirements/flows.in or"),
        (
            "upgrade",
            "nosuch",
            "PKG is nosuch, which no lock of requirements/ holds; expected one that does, or `make add`",
        ),
        ("upgrade", "anyio>=4", 'PKG is "anyio>=4"; expected the name alone: PKG=anyio.'),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_type(folder, monkeypatch, action, library, said):
    monkeypatch.setattr(edits, "needed_by", lambda _: ["prefect"])
    with pytest.raises(Refusal) as refused:
        edit(action, library, folder=folder)
    assert said in str(refused.value)


def test_an_upgrade_concerns_the_locks_that_hold_the_library(folder):
    assert edit("upgrade", "pytest", folder=folder).locks == ("dev",)
    assert edit("upgrade", "anyio", folder=folder).locks == ("runtime", "dev")
    assert edit("upgrade", "anyio", folder=folder).options == ("--upgrade-package=anyio",)
    assert edit("upgrade", "", folder=folder).options == ("--upgrade",)


CONFLICT = """error: No solution found when resolving dependencies
  cause: Because server>=1 depends on one of:
             base>=2.10.1,<2.11.0
             base>2.11.0,<2.11.1
             base>2.11.4,<3.0.0
         and you require server>=1, we can conclude that you require one of:
             base>=2.10.1,<2.11.0
             base>2.11.0,<2.11.1
             base>2.11.4,<3.0.0

         And because you require base<2, we can conclude that your requirements are unsatisfiable.
"""


def test_of_a_long_conflict_the_causes_are_told_and_no_conclusion():
    assert conflict(CONFLICT) == (
        "got a conflict: server>=1 depends on base>=2.10.1,<2.11.0 … base>2.11.4,<3.0.0 and you require server>=1; "
        "you require base<2"
    )


def test_a_library_that_would_have_to_be_compiled_is_told_as_that():
    said = (
        "  cause: Because all versions of docopt have no usable wheels and you require docopt, we can conclude that x."
    )
    assert conflict(said) == "got docopt, which has no wheel; expected one: the image is built of wheels only"

"""`.secrets.env`: the local stack's own values, read strictly, written whole, and kept from everybody else."""

import os
import stat
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.shared import local_secrets
from scripts.shared.environments import ROOT, find_environment
from scripts.shared.image_digest import image_digest, source_files
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")


@pytest.fixture
def file(tmp_path):
    return tmp_path / ".secrets.env"


def written(file, text, mode=0o600):
    file.write_text(text)
    file.chmod(mode)
    return file


def read(file):
    return local_secrets.read(file, find_environment("local"))


def refusal_of(file):
    with pytest.raises(Refusal) as refused:
        read(file)
    assert "s3cr3t" not in str(refused.value)
    return str(refused.value)


def test_no_file_is_no_value(file):
    assert read(file) == {}


def test_what_is_written_is_read_and_the_other_lines_stay(file):
    written(file, "# of the shop\nexport SNOWFLAKE_USER=ANNA # me\n\nDBT_CLOUD_ACCOUNT_ID=1")
    local_secrets.write(file, "DBT_CLOUD_TOKEN", "dbtc_s3cr3t_s3cr3t_s3cr3t")
    local_secrets.write(file, "SNOWFLAKE_USER", "BERTA")
    assert read(file) == {
        "SNOWFLAKE_USER": "BERTA", "DBT_CLOUD_TOKEN": "dbtc_s3cr3t_s3cr3t_s3cr3t", "DBT_CLOUD_ACCOUNT_ID": "1",
    }  # fmt: skip
    assert file.read_text().startswith("# of the shop\n")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1))
def test_any_value_comes_back_as_it_was(file, value):
    file.unlink(missing_ok=True)
    local_secrets.write(file, "OTHER", "x")
    local_secrets.write(file, "NAME", value)
    local_secrets.write(file, "OTHER", "y")
    assert {each.key: each.value for each in local_secrets._bindings(file)} == {"NAME": value, "OTHER": "y"}


def test_only_the_owner_can_read_what_is_written_from_its_first_byte(file, monkeypatch):
    modes = []
    original = type(file).write_text

    def write_text(path, text):
        modes.append(stat.S_IMODE(path.stat().st_mode))
        return original(path, text)

    monkeypatch.setattr(type(file), "write_text", write_text)
    before = os.umask(0)
    try:
        local_secrets.write(file, "SNOWFLAKE_USER", "ANNA")
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_can_reach_is_refused_with_the_remedy(file, mode):
    written(file, "DBT_CLOUD_TOKEN=s3cr3t\n", mode)
    told = f"{file}: got mode {mode:04o}, so others can read it; expected 0600: run `chmod 600 {file}`."
    assert refusal_of(file) == told
    with pytest.raises(Refusal, match="chmod 600"):
        local_secrets.write(file, "SNOWFLAKE_USER", "ANNA")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SNOWFLAKE_USER=ANNA\ns3cr3t\n", ".secrets.env:2: got no NAME=value; expected one, with quotes"),
        ("\n\nSNOWFLAKE_USER\n", ".secrets.env:3: got no NAME=value"),
        ("SNOWFLAKE_USER=\n", ".secrets.env:1: got no NAME=value"),
        ("SNOWFLAKE_USER='s3cr3t\n", ".secrets.env:1: got no NAME=value"),
        ("SNOWFLAKE_USER=a\n#\nSNOWFLAKE_USER=b\n", ".secrets.env:3: got SNOWFLAKE_USER again, after line 1"),
        ("SNOWFLAKE_USR=a\n", '.secrets.env: NAME is "SNOWFLAKE_USR", which is no parameter of local; expected a name'),
        ("PREFECT_API_AUTH_STRING=a:s3cr3t\n", ".secrets.env: PREFECT_API_AUTH_STRING: got a value for the local st"),
        ("DBT_CLOUD_TOKEN=s3cr3t\n", "DBT_CLOUD_TOKEN: got 6 characters, not of its form"),
    ],
)
def test_a_wrong_line_is_told_and_not_shown(file, text, told):
    assert refusal_of(written(file, text)).startswith(told)


def test_a_file_that_is_no_text_is_told(file):
    file.write_bytes(b"\xff\xfe")
    assert (
        refusal_of(file)
        == f"{file}: cannot be read (it is no UTF-8 text); expected a file of yours with a line NAME=value each."
    )
    file.unlink()
    file.mkdir()
    assert refusal_of(file).startswith(f"{file}: cannot be read (Is a directory)")


NAMES = (".secrets.env", "..secrets.env.123.456", ".secrets.env~", ".secrets.env.swp")


@pytest.mark.parametrize("name", NAMES)
def test_neither_git_nor_the_image_takes_it(name):
    assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "**/*.secrets.env*" in ignored
    assert not any(path.name == name for path in source_files())


def test_the_images_digest_knows_nothing_of_it(tmp_path):
    for path in source_files():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((ROOT / path).read_bytes())
    before = image_digest(tmp_path)
    for folder in ("", "flows", "scripts"):
        local_secrets.write(tmp_path / folder / ".secrets.env", "SNOWFLAKE_USER", "ANNA")
    assert image_digest(tmp_path) == before


def test_make_up_tells_what_is_wrong_with_it_before_anything_starts(file, tmp_path):
    written(file, "SNOWFLAKE_USER=ANNA\n", 0o644)
    variables = {"DATA_FLOWS_SECRETS_FILE": str(file), "DATA_FLOWS_DIRECTORY": str(tmp_path / "stack")}
    answer = subprocess.run(
        [sys.executable, "-m", "scripts.start_local"],
        cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == f"{file}: got mode 0644, so others can read it; expected 0600: run `chmod 600 {file}`.\n"
    assert not (tmp_path / "stack").exists()

"""The Terraform that is installed is the wanted one, and nothing is installed that does not fit its sum."""

import hashlib
import http.server
import io
import os
import platform
import subprocess
import sys
import threading
import zipfile
from functools import partial

import pytest

from scripts.install_terraform import MACHINES, RELEASES_VARIABLE
from scripts.shared.environments import ROOT

VERSION = (ROOT / ".terraform-version").read_text().strip()
ARCHIVE = f"terraform_{VERSION}_{platform.system().lower()}_{MACHINES[platform.machine().lower()]}.zip"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and logs nothing."""

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def releases(tmp_path):
    """(folder of the release, its address): archive and sums as they are published."""
    release = tmp_path / "served" / VERSION
    release.mkdir(parents=True)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("LICENSE.txt", "…")
        archive.writestr("terraform", "the program")
    (release / ARCHIVE).write_bytes(content.getvalue())
    sums = {"terraform_0_plan9_mips.zip": hashlib.sha256(b"other").hexdigest()}
    sums[ARCHIVE] = hashlib.sha256(content.getvalue()).hexdigest()
    text = "".join(f"{sum_}  {name}\n" for name, sum_ in sums.items())
    (release / f"terraform_{VERSION}_SHA256SUMS").write_text(text)
    handler = partial(Quiet, directory=str(release.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield release, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def install(folder, address):
    """As a build machine calls it: before there is any environment."""
    command = [sys.executable, "-S", ROOT / "scripts" / "install_terraform.py", folder]
    shell = os.environ | {RELEASES_VARIABLE: address}
    return subprocess.run(command, env=shell, capture_output=True, text=True, check=False)


def test_the_wanted_version_is_installed_and_can_be_run(tmp_path, releases):
    answer = install(tmp_path / "bin", releases[1])
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == f"Terraform {VERSION}: {tmp_path}/bin/terraform\n"
    assert (tmp_path / "bin" / "terraform").read_text() == "the program"
    assert (tmp_path / "bin" / "terraform").stat().st_mode & 0o111 == 0o111


@pytest.mark.parametrize("spoiled", [ARCHIVE, f"terraform_{VERSION}_SHA256SUMS"])
def test_what_does_not_fit_its_sum_is_not_installed(tmp_path, releases, spoiled):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "terraform").write_text("an older one")
    (releases[0] / spoiled).write_bytes(b"another  thing")
    answer = install(tmp_path / "bin", releases[1])
    assert answer.returncode == 1
    assert f"{ARCHIVE}: got sha256 " in answer.stderr
    assert "Nothing was installed" in answer.stderr
    assert [(path.name, path.read_text()) for path in (tmp_path / "bin").iterdir()] == [("terraform", "an older one")]


def test_a_release_that_cannot_be_had_is_told_in_one_sentence(tmp_path, releases):
    (releases[0] / ARCHIVE).unlink()
    answer = install(tmp_path / "bin", releases[1])
    assert answer.returncode == 1
    assert answer.stderr == (
        f"{releases[1]}/{VERSION}: HTTP Error 404: File not found; expected Terraform {VERSION}: put it on PATH "
        f"(`tfenv install {VERSION}`), or name a mirror of the releases in DATA_FLOWS_TERRAFORM_RELEASES.\n"
    )

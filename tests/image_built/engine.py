"""A container engine for tests on a machine without daemon and registry: buildah and podman, all state in one folder.

The base image is made of Debian's packages and takes the name that the Dockerfile's FROM lines have. Nothing makes a
bridge or a firewall rule: builds and containers use the machine's own network.
"""

import json
import os
import re
import resource
import shlex
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

from scripts.shared.environments import ROOT

TOOLS = ("mmdebstrap", "buildah", "podman", "runc", "catatonit", "zstd")
GET = f"apt-get install --no-install-recommends {' '.join(TOOLS)}"
DEBIAN = "python{0},python{0}-venv,python3-pip,ca-certificates,netbase,tzdata"
UNREAD = ("man", "locale", "doc")
# As a task of Fargate runs, whose root is read-only and whose volume is /tmp.
CONFINED = (
    "--init", "--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp:rw,mode=1777", "--cap-drop=all",
    "--security-opt=no-new-privileges",
)  # fmt: skip


def missing() -> str:
    """What this machine lacks and how to get it, empty if nothing."""
    if os.geteuid() != 0:
        return "got no root; expected root, who mounts the layers of images: run it as root of a Debian machine"
    if absent := [tool for tool in TOOLS if not shutil.which(tool)]:
        return f"got no {', '.join(absent)}; expected Debian's: {GET}"
    if not re.search(r"\boverlay$", Path("/proc/filesystems").read_text(), re.MULTILINE):
        return "got a kernel without overlay; expected it: modprobe overlay"
    return ""


class Engine:
    """buildah and podman with a storage of their own in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "home").mkdir(parents=True, exist_ok=True, mode=0o700)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        processes = min(32768, resource.getrlimit(resource.RLIMIT_NPROC)[1])
        (folder / "containers.conf").write_text(
            f'[containers]\nnetns = "host"\n'
            f'default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
        )

    def command(self, tool: str, *arguments: str) -> list[str]:
        """The whole command of one of the two tools."""
        storage = ["--root", f"{self.folder}/storage", "--runroot", f"{self.folder}/storage.run"]
        conf = f"CONTAINERS_CONF={self.folder}/containers.conf"
        return ["env", conf, tool, *storage, "--storage-driver", "overlay", *arguments]

    def run(self, tool: str, *arguments: str, **options: object) -> str:
        """The output of a command that must succeed."""
        command = self.command(tool, *arguments)
        answer = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
        assert answer.returncode == 0, f"{shlex.join(command)}\n{answer.stdout[-3000:]}\n{answer.stderr[-3000:]}"
        return str(answer.stdout)

    def make_base(self, name: str) -> None:
        """Make the image `python:<version>-slim-<suite>`, unless it is there: bare of bytecode as the official one."""
        if subprocess.run(self.command("podman", "image", "exists", name), check=False).returncode == 0:
            return
        match = re.fullmatch(r"python:(\d+\.\d+)\S*-([a-z]+)", name)
        assert match, f"FROM {name}: expected python:<version>-<suite>"
        version, suite = match.groups()
        links = "; ".join(
            f'ln -s /usr/bin/{to} "$1/usr/local/bin/{link}"'
            for link, to in (
                ("python", f"python{version}"),
                ("python3", f"python{version}"),
                (f"python{version}", f"python{version}"),
                ("pip", "pip3"),
            )
        )
        unread = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in UNREAD]
        archive = self.folder / "base.tar"
        hooks = (
            links,
            'find "$1/usr/lib" -name __pycache__ -prune -exec rm -r {} +',
            'rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED "$1/etc/resolv.conf" "$1/etc/hostname"',
        )
        command = [
            "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={DEBIAN.format(version)}", *unread,
            *(f"--customize-hook={hook}" for hook in hooks), suite, str(archive),
        ]  # fmt: skip
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, f"{shlex.join(command)}\n{answer.stderr[-3000:]}"
        path = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        changes = [f"--change=ENV {each}" for each in ("LANG=C.UTF-8", f"PATH={path}")]
        self.run("podman", "import", "--quiet", *changes, '--change=CMD ["python3"]', str(archive), name)
        archive.unlink()

    def write_home(self) -> list[str]:
        """Make root's home of a build, through which it reaches the package index that this machine uses.

        Returns:
            Options of the build: mounts, so nothing of it comes into a layer.
        """
        command = [sys.executable, "-m", "pip", "config", "list"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.findall(r"^(?::env:|global|user)\.index-url='(.*)'$", answer.stdout, re.MULTILINE)
        home = self.folder / "home"
        (home / ".config" / "uv").mkdir(parents=True, exist_ok=True)
        (home / ".config" / "pip").mkdir(parents=True, exist_ok=True)
        index = f'[[index]]\nurl = "{found[0]}"\ndefault = true\n' if found else ""
        (home / ".config" / "uv" / "uv.toml").write_text(f"system-certs = true\n{index}")
        index = f"index-url = {found[0]}\n" if found else ""
        (home / ".config" / "pip" / "pip.conf").write_text(f"[global]\ntimeout = 180\n{index}")
        mounts = [f"--volume={home}:/root:ro"]
        if authorities := ssl.get_default_verify_paths().cafile:
            mounts.append(f"--volume={authorities}:/etc/ssl/certs/ca-certificates.crt:ro")
        return mounts

    def build(self, image: str, dockerfile: Path, *options: str) -> None:
        """Build a Dockerfile with this repository as its context."""
        for base in set(re.findall(r"^FROM (\S+)", dockerfile.read_text(), re.MULTILINE)):
            self.make_base(base)
        how = ["--isolation=chroot", "--network=host", "--format=docker", "--layers", *self.write_home()]
        try:
            self.run("buildah", "bud", *how, *options, f"--file={dockerfile}", f"--tag={image}", str(ROOT))
        finally:
            shutil.rmtree(self.folder / "home")  # An index may have a password in its address.

    def export(self, image: str, folder: Path) -> list[Path]:
        """Write the image's layers, compressed as a registry has them; the lowest first."""
        shutil.rmtree(folder, ignore_errors=True)
        self.run("podman", "push", "--quiet", "--format=oci", image, f"oci:{folder}:built")
        blobs = folder / "blobs" / "sha256"

        def blob(digest: str) -> Path:
            return blobs / digest.removeprefix("sha256:")

        index = json.loads((folder / "index.json").read_text())
        manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
        return [blob(layer["digest"]) for layer in manifest["layers"]]

#!/usr/bin/env bash
# A fresh machine: a bare Debian with git, make and Python 3.11, in which `make up`, `make test` and `make down` succeed.
#
#   tests/fresh_machine/run.sh FOLDER [COMMAND…]     COMMAND instead of all three, such as: make test FAST=1
#
# Needs root, Debian's mmdebstrap and unshare, and on this machine what no mirror of Debian or PyPI has: the Terraform of
# .terraform-version on PATH and, where the Terraform registry cannot be reached, a mirror of the provider. Terraform is
# served to the fresh machine as a release, on 127.0.0.1. Tests what is committed. All state lies in FOLDER; the root is
# made once. PIP_*, UV_*, SSL_*, proxy and DATA_FLOWS_*_PORT variables are passed in, and this machine's certificates.
# The network is this machine's own; processes and mounts are not, and end with the script.
set -Eeuo pipefail

folder=$(mkdir -p "${1:?usage: run.sh FOLDER [COMMAND…]}" && realpath "$1")
shift
repository=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
version=$(< "$repository/.terraform-version")
root=$folder/root

make_root() { # Debian with what README asks for and nothing else
    mmdebstrap --mode=root --variant=minbase --include=git,make,python3.11-venv,ca-certificates bookworm "$root.unfinished"
    mv "$root.unfinished" "$root"
}

serve_terraform() { # sets $releases: this machine's Terraform as HashiCorp publishes it
    local published=$folder/releases/$version system archive port
    system=linux_$(dpkg --print-architecture)
    archive=terraform_${version}_$system.zip
    mkdir -p "$published"
    python3 -m zipfile -c "$published/$archive" "$(command -v terraform)"
    (cd "$published" && sha256sum "$archive" > "terraform_${version}_SHA256SUMS")
    port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    python3 -m http.server --bind 127.0.0.1 --directory "$folder/releases" "$port" &> "$folder/releases.log" &
    server=$!
    releases=http://127.0.0.1:$port
}

copy_repository() { # what is committed, with its history
    rm -rf "$root/srv/data-flows"
    git clone --quiet "file://$repository" "$root/srv/data-flows"
}

passed_variables() { # name=value lines that reach the fresh machine
    env | grep -E '^(PIP_(CERT|DEFAULT_TIMEOUT|INDEX_URL|EXTRA_INDEX_URL)|UV_[A-Z_]+|SSL_CERT_FILE|DATA_FLOWS_[A-Z_]+_PORT|(https?|no)_proxy|(HTTPS?|NO)_PROXY)=' || true
}

inside() { # COMMAND…: in the root, as a machine of its own but for the network
    local mirror
    mirror=$(cd "$repository" && "${PYTHON:-.venv/bin/python}" -c \
        'from scripts.shared.terraform import find_mirror; print(find_mirror() or "")')
    mkdir -p "$root/usr/local/share/terraform/plugins"
    # shellcheck disable=SC2016  # expanded in there
    unshare --mount --pid --fork --kill-child --propagation private bash -Eeuc '
        root=$1 mirror=$2
        shift 2
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs -o size=50% tmpfs "$root/dev/shm"
        for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
            touch "$root$file"
            mount --bind -o ro "$file" "$root$file"
        done
        if [[ $mirror ]]; then
            mount --bind "$mirror" "$root/usr/local/share/terraform/plugins"
            mount -o remount,bind,ro "$root/usr/local/share/terraform/plugins"
        fi
        exec chroot "$root" env -i "$@"
    ' inside "$root" "$mirror" "${variables[@]}" HOME=/home LANG=C.UTF-8 TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        DATA_FLOWS_TERRAFORM_RELEASES="$releases" bash -euc 'cd /srv/data-flows; "$@"' bash "$@"
}

all_of_it() {
    make up
    make test
    make down
    left=$(cat /proc/[0-9]*/comm | grep -vxE 'bash|cat|grep' || true)
    [[ -z $left ]] || { printf 'left running:\n%s\n' "$left" >&2; return 1; }
}

[[ -d $root ]] || make_root
serve_terraform
trap 'kill "$server"' EXIT
copy_repository
mapfile -t variables < <(passed_variables)
if (($#)); then
    inside "$@"
else
    inside bash -euc "$(declare -f all_of_it); all_of_it"
fi

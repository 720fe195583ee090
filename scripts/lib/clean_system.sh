# Sourced by scripts/test-deb and scripts/test-rpm: a clean Debian in a folder, and words for what holds in it.
# It wants set -Eeuo pipefail, and sets work, a folder that goes with the script.

program=$(basename "$0")
fail() { echo "$program: $*" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'echo "$program: line $LINENO failed: $BASH_COMMAND" >&2' ERR
built=$(. /etc/os-release && echo "$VERSION_CODENAME")

# needs PACKAGE=COMMAND ...: ends unless root has them all.
needs() {
    [ "$(id -u)" = 0 ] || fail "only root can make a system in a folder"
    local pair
    for pair in "$@"; do
        command -v "${pair#*=}" >/dev/null || fail "there is no ${pair#*=}: apt-get install ${pair%=*}"
    done
}

# site NAME: what this machine's apt takes debian or debian-security from.
site() {
    apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' >"$work/sites"
    awk -v name="/$1/?$" '$2 == "main" && $1 ~ name && !seen++ { print $1 }' "$work/sites"
}

# system SUITE FOLDER: only apt, Python and the two packages that xenops-cpu needs.
system() {
    # An unreleased suite may be a snapshot of some weeks ago.
    mmdebstrap --quiet --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' \
        --aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io --skip=cleanup/apt \
        --include=python3-attr,python3-defusedxml "$1" "$2" <<END
deb $(site debian) $1 main
$([ "$1" = forky ] || echo "deb $(site debian-security) $1-security main")
END
    [ ! -e /etc/resolv.conf ] || cp /etc/resolv.conf "$2/etc/resolv.conf"
}

# holds WORDS COMMAND ...: says in words what holds; what the command printed is shown when it does not.
holds() {
    local words=$1 code
    shift
    if "$@" >"$work/log" 2>&1 </dev/null; then
        echo "    $words"
    else
        code=$?
        tail -n 40 "$work/log" >&2
        fail "in $suite this does not hold: $words (exit code $code; above is what was printed)"
    fi
}

# inside COMMAND ...: in the system of the folder $tree, with processes and mounts of its own; script: of a shell.
# Nothing of this machine's environment.
inside() {
    unshare --mount --pid --fork --mount-proc="$tree/proc" env --ignore-environment \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 chroot "$tree" "$@"
}
script() { inside sh -ec "export DEBIAN_FRONTEND=noninteractive; $1"; }

# All files of the system, but for what package managers and Python write of themselves.
files() {
    (cd "$tree" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./var/cache -o -path ./var/lib/apt \
        -o -path ./var/lib/dpkg -o -path ./var/lib/rpm -o -path ./var/log -o -path ./tmp -o -path ./run \) -prune \
        -o -print | sort)
}
# unchanged: the files are those of $work/before.
unchanged() {
    files >"$work/after"
    diff "$work/before" "$work/after" || { echo "not as before: < is gone, > is left"; return 1; }
}

# Within a script of the system: the unit's command serves a user without rights, and ends when it is told to.
serves_by_unit='
    command=$(sed -n "s/^ExecStart=\(.*\) [$]XENOPS_CPU_OPTIONS/\1/p" "$unit")
    socket=/run/xenops-cpu-simulated/socket
    install -d -o nobody /run/xenops-cpu-simulated
    setpriv --reuid nobody --regid nogroup --clear-groups $command & service=$!
    for _ in $(seq 300); do [ ! -S $socket ] || break; sleep 0.1; done
    xenops-cpu call HOST.get_cpu_info --socket $socket >/tmp/answer
    kill $service; wait $service
    rmdir /run/xenops-cpu-simulated
    grep features_hvm_host /tmp/answer'

# Sourced by the scripts beside it: a virtual environment in .venv with the project in it.

# The newest Python that will do, 3.11 or later.
find_python() {
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.14; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "Python 3.11 or newer is needed; none of python3, python3.11, 3.12, 3.13 is it." >&2
    echo "Install one, or name it: PYTHON=/path/to/python3 $0" >&2
    return 1
}

# set_up_venv ROOT REQUIREMENT: install when the environment is new or the project's needs changed.
# REQUIREMENT "." installs what the service needs, ".[mutation]" what mutation testing needs, ".[docs]" what builds the site, any other
# (such as ".[dev]") what developers need: exactly the files whose hashes are in requirements/ (scripts/lock), then the project itself.
set_up_venv() {
    root=$1
    need="$2 $(cat "$root/setup.cfg" "$root/pyproject.toml" "$root"/requirements/*.txt | cksum)"
    mark="$root/.venv/installed-for"
    if [ -f "$mark" ] && grep -qxF "$need" "$mark"; then
        return
    fi
    echo "setting up $root/.venv (once) ..." >&2
    if [ ! -x "$root/.venv/bin/python" ]; then
        python=$(find_python) || exit 3
        if ! "$python" -m venv "$root/.venv"; then
            rm -rf "$root/.venv"
            echo "Python's venv module is missing: on Debian, apt install python3-venv" >&2
            exit 3
        fi
    fi
    install_locked "$root" "$root/.venv/bin/python" "$2" || exit 3
    echo "$need" >>"$mark"
}

# install_locked ROOT PYTHON REQUIREMENT: into the environment of PYTHON.
install_locked() {
    case $3 in
        .) locked=run ;;
        '.[browser]') locked=browser ;;
        '.[engines]') locked=engines ;;
        '.[mutation]') locked=mutation ;;
        '.[docs]') locked=docs ;;
        *) locked=dev ;;
    esac
    "$2" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
        -r "$1/requirements/$locked.txt" &&
        (cd "$1" && "$2" -m pip install --quiet --disable-pip-version-check --no-deps \
            --no-build-isolation --editable .)
}

# source_date ROOT: seconds since 1970 for all that is made of the tree in ROOT: the environment's
# SOURCE_DATE_EPOCH, the last commit's, or, in an unpacked source distribution, that of its files.
source_date() {
    if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
        echo "$SOURCE_DATE_EPOCH"
    elif ! git -C "$1" log -1 --format=%ct 2>/dev/null; then
        stat -c %Y "$1/PKG-INFO"
    fi
}

# source_archive ROOT FOLDER: the source distribution of the tree in ROOT. setuptools lays the files out within that tree, so one
# build at a time.
source_archive() (
    exec 9<"$1"
    flock 9
    cd "$1" && .venv/bin/python -m build --quiet --no-isolation --sdist --outdir "$2" .
)

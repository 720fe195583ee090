# Sourced by scripts/ci: what holds of every way to install.

# serves FOLDER COMMAND ...: the command answers of itself, and a service of its own answers a call. FOLDER takes
# the socket and the log.
serves() {
    folder=$1
    shift
    "$@" --version && "$@" info >/dev/null || return 1
    "$@" info --xapi --source example:epyc-xen-4.17 >"$folder/shown" || return 1
    "$@" explain RTM on cpu:xeon-platinum-8280@4.17 >"$folder/shown" && grep -q 'HVM max' "$folder/shown" || return 1
    rm -f "$folder/socket"
    "$@" serve --socket "$folder/socket" --config "" --config-dir "" >/dev/null 2>"$folder/log" &
    service=$!
    for _ in $(seq 100); do [ -S "$folder/socket" ] && break; sleep 0.1; done
    code=0
    "$@" call HOST.get_cpu_info --socket "$folder/socket" >"$folder/answer" || code=1
    kill "$service" && wait "$service" || { cat "$folder/log" >&2; return 1; }
    [ $code = 0 ] && grep -q features_hvm_host "$folder/answer"
}

# every_python: a line for each Python of a release of 3.11 or newer that is here: release and path.
every_python() {
    releases=" "
    for candidate in python3 python3.11 python3.12 python3.13 python3.14 "$HOME"/.pyenv/versions/3.1[1-9]*/bin/python3; do
        release=$("$candidate" -c 'import sys
print("%d.%d" % sys.version_info[:2] if sys.version_info >= (3, 11) else "")' 2>/dev/null) || continue
        case "$releases" in *" $release "*) continue ;; esac
        [ -n "$release" ] || continue
        releases="$releases$release "
        echo "$release $(command -v "$candidate")"
    done
}

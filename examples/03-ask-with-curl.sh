#!/bin/sh
# The service, asked with nothing but curl and jq: JSON-RPC in a POST on its Unix socket.
#
#   examples/03-ask-with-curl.sh                          # the service of this host
#   examples/03-ask-with-curl.sh SOCKET [FEATURESET]      # and whether a VM with that may come
#
# An error comes with HTTP 200, as xapi's services answer: what counts is whether there is a `.error`.
set -eu
socket=${1:-/var/lib/xcp/xenops-cpu}

ask() { # METHOD PARAMS: the result, or the error and exit code 1
    reply=$(curl --silent --show-error --unix-socket "$socket" http://localhost/ \
        --data "{\"jsonrpc\":\"2.0\",\"method\":\"$1\",\"params\":$2,\"id\":1}") || return
    echo "$reply" | jq 'if .error then .error.message + "\n" | halt_error(1) else .result end'
}

host=$(ask HOST.get_cpu_info '{"debug_info":"curl"}')
echo "$host" | jq --raw-output '"\(.modelname), \(.cpu_count) CPUs",
    "a new HVM VM gets      \(.features_hvm_host)",
    "one may arrive with    \(.features_hvm)"'

if [ $# -gt 1 ]; then
    most=$(echo "$host" | jq .features_hvm)
    may=$(ask HOST.is_compatible "{\"debug_info\":\"curl\",\"vm_policy\":\"$2\",\"host_policy\":$most}")
    if [ "$may" = true ]; then
        echo "a VM with $2 may come"
    else
        echo "a VM with $2 may not come"
    fi
fi

# For monitoring, GET will do.
curl --silent --show-error --unix-socket "$socket" http://localhost/health | jq --raw-output '"health: \(.status)"'

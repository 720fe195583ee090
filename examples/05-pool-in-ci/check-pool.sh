#!/bin/sh
# A pool that is kept as files, held to what its VMs need, wherever a change of the files is proposed.
#
#   check-pool.sh [FOLDER]              exit code 1 when a VM has no way, or the level has lost a feature
#   check-pool.sh --accept [FOLDER]     take the level as it is now for what is promised
#
#   hosts/   a file for each host: `xenops-cpu capture`, or xenops-cpu-collect in today's dom0
#   vms/     a file for each VM: what `xe vm-param-list uuid=…` prints, its suspend image, its featureset
#   level    what is promised to VMs: guest type and feature, one a line
#
# A host that gets other microcode or another Xen is captured again; then this says who would be stranded
# before a VM is.
set -eu
accept=
[ "${1-}" != --accept ] || { accept=yes && shift; }
cd "${1:-.}"

level() {
    xenops-cpu level --json hosts/* | jq --raw-output '.levels[] | .guest_type + " " + .features[]' | LC_ALL=C sort
}

level=$(level)
if [ "$accept" ]; then
    echo "$level" >level
    exit
fi

failed=0
lost=$(echo "$level" | LC_ALL=C comm -23 level -)
if [ "$lost" ]; then
    printf 'the level has lost:\n%s\n' "$lost"
    failed=1
fi

for vm in vms/*; do
    code=0
    xenops-cpu check "$vm" hosts/* || code=$?
    case $code in
        0 | 11) ;;           # it may go to every host; 11: perhaps slowly
        12 | 13) failed=1 ;; # to one only by force, or not at all
        *) exit "$code" ;;
    esac
done
exit $failed

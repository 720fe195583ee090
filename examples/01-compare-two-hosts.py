#!/usr/bin/env python3
"""Two hosts of a pool, from what `xen-cpuid -p` prints there: what differs, and who may move?

    ssh xs-01 xen-cpuid -p >xs-01.txt
    ssh xs-02 xen-cpuid -p >xs-02.txt
    examples/01-compare-two-hosts.py xs-01.txt xs-02.txt

Any two hosts will do: captures, bug reports, example:NAME, cpu:NAME@RELEASE. The exit code is 0
where every VM may move both ways, 1 where one may not, 3 where a file cannot be read.
"""

import sys

import xenops_cpu


def main(first: str, second: str) -> int:
    try:
        hosts = xenops_cpu.read_hosts(f"A={first}", f"B={second}")
        if len(hosts) != 2:
            raise xenops_cpu.InputError(f"{len(hosts)} hosts: name two, FILE#NAME for one of many")
        difference = xenops_cpu.compare_hosts(*hosts)
    except xenops_cpu.Error as error:
        print(error, file=sys.stderr)
        return 3
    for host in hosts:
        # Any leaf and register of any policy: here, whether Xen sees a digital thermal sensor.
        policy = host.host and host.host.policies.get("host")
        if policy:
            print(f"{host.name}: thermal sensor: {'yes' if policy.leaf(0x6)[0] & 1 else 'no'}")
    for kind, sets in difference.sets.items():
        for side, features in (("A", sets.only_in_a), ("B", sets.only_in_b)):
            if features:
                print(f"{kind}, only {side}: {' '.join(sets.names(features))}")
    for name, policies in difference.policies.items():
        for statement in policies.statements:
            print(f"policy {name}: {statement}")
    refused = False
    for way in difference.journeys:
        print(f"a new {way.vm.guest.name} VM of {way.vm.name} on {way.host.name}: {way.grade.word}")
        refused |= not way.grade.allowed
    return int(refused)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))

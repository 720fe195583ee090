#!/usr/bin/env python3
"""What the hosts of a pool share, what each host costs the others, and what its VMs would say.

    examples/02-what-a-host-costs.py pool.xml
    examples/02-what-a-host-costs.py xs-01.json xs-02.json cpu:xeon-gold-6154@4.17

Of each host: the features that only it keeps out of the level, and the level that the pool would
have without it.
"""

import sys

import xenops_cpu


def main(*sources: str) -> int:
    try:
        hosts = xenops_cpu.read_hosts(*sources)
        level = xenops_cpu.level(hosts)
    except xenops_cpu.Error as error:
        print(error, file=sys.stderr)
        return 3
    print(
        f"{len(level.hosts)} hosts share {len(level.featureset)} features ({level.release.title})"
    )
    for cost in level.costs:
        rest = [host for host in hosts if host.name != cost.host]
        without = xenops_cpu.level(rest).featureset - level.featureset if rest else level.featureset
        names = " ".join(level.release.names(without)) or "nothing"
        print(f"  without {cost.host} the pool would gain: {names}")
    for loss in level.losses:
        print(f"  {loss.name}: {loss.reason}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))

#!/usr/bin/env python3
"""A hook on change: tells xapi, as a message on the host, which features came and went, and why.

In /etc/xenops-cpu.conf:

    change-hook = /usr/libexec/xenops-cpu-on-change

It is started for each change of the host with the entry of the history as a line of JSON on
standard input (docs/json.md). What it says on standard error goes to the service's log. xapi's
messages are seen in XenCenter, in Xen Orchestra and by `xe message-list`. For Python 3.6 and later.
"""

import json
import subprocess
import sys

INVENTORY = "/etc/xensource-inventory"
# Priorities of xapi: 3 for a change that VMs may meet, 5 for information.
WARNING, INFORMATION = "3", "5"


def main():
    entry = json.load(sys.stdin)
    lost = [change for change in entry["changes"] if "lost " in change and "_max" in change]
    lines = lost + [change for change in entry["changes"] if change not in lost]
    if entry["causes"]:
        lines.append("likely cause: " + entry["causes"][0])
    if lost:
        lines.append(
            "VMs that have seen what is lost will not migrate or resume here: xenops-cpu check"
        )
    body = "\n".join(lines)
    try:
        host = uuid_of(INVENTORY)
        command = [
            "xe", "message-create", "name=CPU_FEATURES_CHANGED", "body=" + body,
            "priority=" + (WARNING if lost else INFORMATION), "host-uuid=" + host,
        ]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    except (OSError, LookupError, subprocess.CalledProcessError) as error:
        sys.exit(f"xapi was not told ({error}): {body}")


def uuid_of(inventory):
    with open(inventory) as lines:
        for line in lines:
            key, _, value = line.partition("=")
            if key == "INSTALLATION_UUID":
                return value.strip().strip("'\"")
    raise LookupError(inventory + " has no INSTALLATION_UUID")


if __name__ == "__main__":
    main()

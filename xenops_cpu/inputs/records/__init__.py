"""xapi's records of hosts, VMs and pools: out of its database, as JSON or XenAPI has them, as xe
prints them.
"""

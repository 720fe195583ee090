"""All commands by what one wants, and the help that is about none of them."""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, Mapping[str, str]] = {
    "Ask about a CPU": {
        "info": "a host for people: what guests get at boot and may bring in a migration",
        "explain": "what a feature or a word means, and on a host in which sets it is and why",
        "decode": "a featureset, or one word of it, bit by bit",
        "diff": "what differs between two featuresets, policies or hosts, and what it means",
        "policy": "CPU policies: leaves and MSRs shown, compared, written as text",
        "simulate": "what a Xen release would offer on any CPU, and why",
        "cpus": "the CPUs that are shipped, and what each microcode update made of them",
        "examples": "the hosts that are shipped, captured from real Xen",
        "releases": "the releases of Xen and XenServer that are known",
    },
    "Pools and VMs": {
        "check": "may this VM boot, resume or migrate there? what is missing, why, what to do",
        "vm": "what one VM has on a host: its whole policy, what its guest reads, and why",
        "level": "what a pool's hosts can all give, who costs it what, what is lost",
        "plan": "what changes for a pool and for which VMs when a host joins, leaves or is updated",
        "forecast": "where a rolling update of a pool will stop, for which VMs, and what helps",
        "split": "the best partition of hosts into sub-pools when one level costs too much",
        "audit": "stored records of hosts, pools and VMs held to what they should be",
        "emit": "configuration text that gives a guest a level, for xl, libvirt or xapi",
        "watch": "a live pool: which CPU features come and go, by name, as it happens",
        "fleet": "hosts of many pools as rows for DuckDB, Spark and their like, and their levels",
    },
    "Files": {
        "read": "what bug reports, xen-cpuid's output, dumps and suspend images tell",
        "report": "a pool as one HTML file: hosts, features, costs, losses, VMs",
        "capture": "write all that is known of this host to a file",
    },
    "The service": {
        "serve": "answer HOST.get_cpu_info and its kin on a Unix socket",
        "call": "call any method of a running service",
        "history": "what this host was before, when it changed, and the likely cause",
        "completion": "completion of commands and options for bash, zsh or fish",
    },
}
COMMANDS: Mapping[str, str] = {
    name: words for group in GROUPS.values() for name, words in group.items()
}

DESCRIPTION = "Which CPU features does a VM see on this Xen host, at boot and after a migration?"

EXIT_CODES = """exit codes:
  0  done
  1  the answer is an error or a "no"
  2  wrong use: an unknown command, option or argument
  3  a file, a socket or a source cannot be read or written
 70  a fault in this program
141  whoever read the output went away before it was whole
check has codes of its own beside these (see its --help)
"""

EXAMPLES = (
    "xenops-cpu info example:skylake-server-xen-4.17",
    "xenops-cpu explain RTM on cpu:xeon-gold-6240@4.17",
    "xenops-cpu check example:ivybridge-xen-4.17 example:skylake-server-xen-4.17",
)

_HOSTS = """A HOST, wherever a command takes one, is any of

  host-7.json, bugtool.tar.gz, xl-info.txt    a file (docs/reading.md lists what is understood)
  -                                           what comes on standard input
  bugtool.tar.gz#xs-01                        one of several that a file has
  /var/lib/xcp/xenops-cpu                     the socket of a service
  xapi://reader@xs-01                         a live pool (docs/live-pool.md)
  cpu:xeon-gold-6240@4.17                     a shipped CPU under a release, simulated
  cpu:xeon-gold-6240+2019-11@4.17             the same with the microcode of then
  example:epyc-xen-4.17                       a host captured from a real Xen, shipped
  simulated                                   this machine's CPU

Some commands take a featureset as well: 1fc9cbf5-f6f83203-2fd3fbff.
NAME=HOST gives it a name of your own. 'xenops-cpu cpus', 'examples' and 'releases' list
what is shipped.
"""
TOPICS: Mapping[str, str] = {"host": _HOSTS, "exit-codes": EXIT_CODES}


# What others call it, or one might; for who types that.
OTHER_WORDS: Mapping[str, str] = {
    "compare": "diff", "cpu-compare": "check", "hypervisor-cpu-compare": "check",
    "baseline": "level", "cpu-baseline": "level", "hypervisor-cpu-baseline": "level",
    "why": "explain", "what": "explain", "show": "info", "host": "info", "features": "info",
    "migrate": "check", "resume": "check", "can": "check",
    "update": "forecast", "upgrade": "forecast", "rolling-update": "forecast",
    "join": "plan join", "eject": "plan leave", "leave": "plan leave", "evacuate": "plan evacuate",
    "hosts": "examples", "pool": "level", "cpuid": "decode", "mask": "emit", "start": "serve",
}  # fmt: skip


def overview() -> str:
    """The help of the whole program."""
    widest = max(map(len, COMMANDS))
    groups = "\n".join(
        f"{title}\n" + "".join(f"  {name:<{widest}}  {words}\n" for name, words in group.items())
        for title, group in GROUPS.items()
    )
    examples = "".join(f"  {example}\n" for example in EXAMPLES)
    return (
        f"usage: xenops-cpu COMMAND [OPTION ...]\n\n{DESCRIPTION}\n\n{groups}\n"
        f"examples:\n{examples}\n"
        "'xenops-cpu help COMMAND' tells more of one, 'help HOST' what a HOST may be.\n\n"
        f"{EXIT_CODES}"
    )


def suggestion(word: str, known: Mapping[str, object] | list[str]) -> str:
    """`; did you mean ...?` where a mistyped word is close to one that is known, else nothing."""
    import difflib

    close = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""

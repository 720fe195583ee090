"""Every limit of the service: what one caller may cost, so that nobody starves the others.

This is the only place where these numbers stand. Each field of Limits has its unit and its meaning;
`xenops-cpu serve --help` and docs/reliability.md print them from here. Who reaches a limit gets a
typed answer that says so, or a line in the log where nobody is left to answer.
"""

from __future__ import annotations

from typing import Any

import attrs

from . import amount


def _limit(value: float, unit: str, meaning: str) -> Any:
    return attrs.field(default=value, metadata={"unit": unit, "meaning": meaning})


@attrs.frozen(eq=False, repr=False)  # half of what making the class costs at the start
class Limits:
    """What may be at most; tests make some of it small. Fields in the order of a call's way."""

    connections: int = _limit(
        2000, "connections", "open at once; the oldest unfinished request makes room, then the "
        "longest idle; never the newcomer"
    )  # fmt: skip
    process_connections: int = _limit(
        1000, "connections", "of one process; beyond, it pays with a connection of its own"
    )
    user_connections: int = _limit(1500, "connections", "of all processes of one user, likewise")
    newcomers: int = _limit(
        4096, "connections", "accepted and not let in yet; processes take turns. Fewer where the "
        "system allows fewer files"
    )  # fmt: skip
    reserved_files: int = _limit(
        32, "files", "kept free for what is no connection (the source, the log); fewer connections "
        "where the system allows fewer files"
    )  # fmt: skip
    head_bytes: int = _limit(16 * 1024, "bytes", "of a request before its body")
    size: int = _limit(1024 * 1024, "bytes", "of a body")
    depth: int = _limit(64, "levels", "of nesting in a body")
    count: int = _limit(50_000, "elements", "in a body")
    request_seconds: float = _limit(10.0, "s", "from a request's first byte to its last")
    refuse_seconds: float = _limit(
        1.0, "s", "for a body's first byte to tell in which wire its request is to be refused"
    )
    young_seconds: float = _limit(
        1.0, "s", "in which an unfinished request does not make room while others are idle"
    )
    idle_seconds: float = _limit(60.0, "s", "between two requests of a connection")
    write_seconds: float = _limit(10.0, "s", "for the client to take some of its answer")
    leave_seconds: float = _limit(5.0, "s", "for the client to go after its last answer")
    stop_seconds: float = _limit(5.0, "s", "for calls in hand when the service stops")
    unfinished_bytes: int = _limit(
        24 * 1024 * 1024, "bytes", "of unfinished requests, all clients together"
    )
    unsent_bytes: int = _limit(
        64 * 1024, "bytes", "of answers that a client leaves unread before it is read no further"
    )
    all_unsent_bytes: int = _limit(
        16 * 1024 * 1024, "bytes", "of unread answers in memory, all clients together"
    )
    spooled_bytes: int = _limit(
        64 * 1024 * 1024, "bytes", "of unread answers to long calls, all clients together"
    )
    quick_bytes: int = _limit(
        8 * 1024, "bytes", "of a body that the loop answers itself; a larger one, and every POOL.* "
        "call, is a long call: the helper process answers it"
    )  # fmt: skip
    remembered_calls: int = _limit(
        64, "calls", "that differ in more than their debug_info, of which it is remembered what "
        "they ask; then all are forgotten"
    )  # fmt: skip
    large_calls: int = _limit(16, "calls", "long ones waiting or in hand")
    caller_calls: int = _limit(8, "calls", "long ones of one process; processes take turns")
    waiting_calls: int = _limit(
        8, "calls", "that wait for a change of the host (HOST.get_cpu_info_history)"
    )
    caller_waits: int = _limit(4, "calls", "of one process that wait for a change")
    helpers: int = _limit(1, "processes", "that answer long calls")
    helper_memory: int = _limit(384 * 1024 * 1024, "bytes", "of memory for a helper")
    helper_seconds: float = _limit(60.0, "s", "for a long call, then its helper is ended")
    helper_idle_seconds: float = _limit(
        15.0, "s", "a helper waits for its next call, then it ends and its memory is free"
    )
    pool_hosts: int = _limit(2_000, "hosts", "in a POOL.* call")
    pool_vms: int = _limit(20_000, "VMs", "in a POOL.* call")
    pool_pairs: int = _limit(100_000, "pairs", "of VM and host in a POOL.* call")
    pool_features: int = _limit(
        100_000, "features", "missing in a POOL.* call, summed over pairs that are not alike"
    )
    pool_answer_bytes: int = _limit(
        16 * 1024 * 1024, "bytes", "of the answer to a POOL.* call, estimated before and counted"
    )
    pool_kinds: int = _limit(256, "kinds", "of hosts in POOL.split; alike hosts are one kind")
    reply_bytes: int = _limit(
        32 * 1024 * 1024, "bytes", "of a reply that our own client reads (xenops-cpu call, info)"
    )
    reply_count: int = _limit(1_000_000, "elements", "in such a reply")
    log_line_bytes: int = _limit(4096, "bytes", "of a line in the log; a longer one is shortened")
    log_burst_bytes: int = _limit(
        128 * 1024, "bytes", "of log lines of one kind at once; those beyond are counted"
    )
    log_bytes_a_second: int = _limit(1024, "bytes/s", "of log lines of one kind after that")


LIMITS = Limits()
# What our own client reads of a service that it trusts more than a service trusts its callers.
REPLY_LIMITS = attrs.evolve(LIMITS, size=LIMITS.reply_bytes, count=LIMITS.reply_count)


def table(limits: Limits = LIMITS) -> list[tuple[str, str, str]]:
    """Name, value with its unit, and meaning of every limit."""
    return [
        (
            field.name,
            amount(getattr(limits, field.name), field.metadata["unit"]),
            field.metadata["meaning"],
        )
        for field in attrs.fields(Limits)
    ]

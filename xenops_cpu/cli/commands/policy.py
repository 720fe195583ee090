"""xenops-cpu policy: CPU policies shown, compared, written as text, turned into featuresets."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from ...cpuid import fields
from ...cpuid.identity import LeafKey, Registers
from ...cpuid.policy import NO_SUBLEAF, Policy
from ...cpuid.words import featureset_policy, lost, policy_featureset
from ...explain import xen_cpuid
from ...features import meanings
from ...features.featureset import WORD_BITS, Featureset
from ...features.release import NEWEST, Release
from ...features.release import release as release_named
from ...inputs.argument import WHAT
from .. import OK, WRONG_USAGE, Failure, command_line, live, terminal
from ..arguments import add_release, read, release_for
from ..arguments import release as asked_release
from ..command_line import Parts
from . import diff

_EXAMPLES = """  xenops-cpu policy show example:epyc-xen-4.17          # each leaf and what is in it
  xenops-cpu policy show --set host --style xen-cpuid recorded:host-7.json
  xenops-cpu policy diff host-7.policy host-8.policy    # in words
  xenops-cpu policy diff host-7.json host-8.json        # what new HVM guests get; --set for others
  xenops-cpu policy text --set host recorded:host-7.json > host-7.policy
  xenops-cpu policy featureset host-7.policy            # and what a featureset cannot hold
  xenops-cpu policy text 1fc9cbf5-f6f83203              # a policy that has these features

exit codes: 0 done (diff: the same), 1 diff: they differ, 2 wrong use, 3 not readable
"""

_DIFF_EXIT_CODES = """
exit codes: 0 the same, 1 they differ, 2 wrong use, 3 something cannot be read
"""

_SETS = tuple(xen_cpuid.POLICIES.values())
_TITLES = {name: title for title, name in xen_cpuid.POLICIES.items()}
# What of a host is compared if nothing else is said.
_USUAL = (_TITLES["hvm_default"], _TITLES["pv_default"])


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "policy",
        "CPU policies: the CPUID leaves and MSRs behind a featureset. POLICY is the text of one, a "
        f"file that has one or more, or {WHAT}.",
        _EXAMPLES,
    )
    parts = Parts(command, "action", _EXAMPLES)
    for name, words in (
        ("show", "each leaf and register, and what is in it"),
        ("text", "the text form of a policy (docs/decoding.md)"),
        ("featureset", "the featureset of a policy, and what is lost"),
    ):
        part = parts.add(name, words)
        part.add_argument("policy", metavar="POLICY", help="a policy, or what has one")
        part.add_argument("--set", choices=_SETS, help="of a host: whose policy")
        add_release(part)
        if name == "show":
            part.add_argument(
                "--style", choices=("words", "xen-cpuid"), default="words",
                help="xen-cpuid: as 'xen-cpuid -p' prints policies",
            )  # fmt: skip
        if name != "text":
            part.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
        live.add_options(part)
    part = parts.add("diff", "what differs, in words", exit_codes=_DIFF_EXIT_CODES)
    part.add_argument("a", metavar="A", help="a policy, or what has one")
    part.add_argument("b", metavar="B", help="another, to hold beside it")
    part.add_argument("--set", choices=_SETS, help="of hosts: whose policies (hvm_default)")
    add_release(part)
    part.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    command_line.add_quiet(part, diff.VERDICTS)
    live.add_options(part)
    return command


def run(arguments: argparse.Namespace) -> int:
    release = asked_release(arguments)
    if arguments.action == "diff":
        return _diff(arguments, release)
    policies = _policies(arguments.policy, arguments.set, release)
    match arguments.action:
        case "show":
            return _show(policies, arguments)
        case "text":
            print(_only(policies, arguments.policy)[0])
            return OK
        case _:
            return _featureset(*_only(policies, arguments.policy), as_json=arguments.json)


Policies = dict[str, tuple[Policy, Release]]


def _policies(text: str, name: str | None, release: Release | None) -> Policies:
    """The policies behind an argument, by name. Raises Failure."""
    source = read(text)
    newest = release or release_named(NEWEST)
    policies: Policies = {}
    for each in source.hosts:
        host, prefix = each.host, f"{each.name} " if len(source.hosts) > 1 else ""
        for which, policy in host.policies.items():
            if name in (None, which):
                title = prefix + _TITLES.get(which, which)
                policies[title] = (policy, release or host.release)
    for vm in source.vms:
        if vm.policy is not None:
            policies[vm.name] = (vm.policy, newest)
    if not policies and source.policy is not None:
        policies[source.name] = (source.policy, newest)
    if not policies and source.featureset is not None:
        xen = release_for(source.featureset, release)
        policies[source.name] = (featureset_policy(source.featureset, xen), xen)
    if not policies:
        which = f" {name}" if name else ""
        raise Failure(f"{source.name} has no CPU policy{which}: only its featuresets are known")
    return policies


def _only(policies: Policies, text: str) -> tuple[Policy, Release]:
    if len(policies) > 1:
        sets = [name for title, name in xen_cpuid.POLICIES.items() if title in policies]
        example = f"--set {sets[0]}" if sets else "FILE#NAME"
        raise Failure(
            f"{text} has {len(policies)} policies: {', '.join(policies)}; choose one: {example}",
            WRONG_USAGE,
        )
    return next(iter(policies.values()))


def _show(policies: Policies, arguments: argparse.Namespace) -> int:
    if arguments.json:
        documents = {name: document(policy, xen) for name, (policy, xen) in policies.items()}
        terminal.print_json({"policies": documents})
    elif arguments.style == "xen-cpuid":
        print(xen_cpuid.policies({name: policy for name, (policy, _) in policies.items()}))
    else:
        for name, (policy, xen) in policies.items():
            terminal.heading(f"{name}: {len(policy.leaves)} leaves, {len(policy.msrs)} MSRs")
            for leaf, registers in sorted(policy.leaves.items()):
                if any(registers):
                    terminal.line(f"  {_leaf_text(leaf)} -> {_registers(registers)}")
                    _contents(policy, xen, leaf)
            for index, value in sorted(policy.msrs.items()):
                terminal.line(f"  MSR {index:08x} -> {value:016x}")
                terminal.paragraph(_msr_contents(policy, xen, index), 8, 2)
    return OK


def _leaf_text(leaf: LeafKey) -> str:
    return f"{leaf[0]:08x}:{leaf[1]:08x}"


def _registers(registers: Registers) -> str:
    return ":".join(f"{register:08x}" for register in registers)


def _contents(policy: Policy, xen: Release, leaf: LeafKey) -> None:
    for line in _lines(policy, xen, leaf):
        terminal.paragraph(line, 8, 2)


def _lines(policy: Policy, xen: Release, leaf: LeafKey) -> Iterator[str]:
    """What a leaf says: its subject, its fields, its features."""
    number, subleaf = leaf
    values = []
    if number == 0:
        values.append(f"vendor {fields.vendor(policy)}")
    if number == 1:
        cpu = fields.signature(policy)
        values.append(f"family {cpu.family}, model {cpu.model}, stepping {cpu.stepping}")
    if number == 0x80000002:
        values.append(f"brand {fields.brand(policy)}")
    for field in fields.fields_of(number, subleaf):
        value = field.show(field.value(policy.leaves[leaf]))
        values.append(f"{field.title.format(subleaf=subleaf)} {value}")
    about = fields.title(number)
    yield "; ".join(values) or about or "not known here"
    features = policy_featureset(policy, xen)
    for word in xen.words:
        here = NO_SUBLEAF if word.subleaf is None else word.subleaf
        same = here == subleaf or {here, subleaf} == {0, NO_SUBLEAF}
        if word.leaf == number and same:
            yield f"{word.register}: {_named(features, xen, word.index)}"


def _msr_contents(policy: Policy, xen: Release, index: int) -> str:
    name = fields.MSR_NAMES.get(index, "")
    flags = [
        title
        for bit, title in fields.MSR_FIELDS.get(index, {}).items()
        if policy.msrs[index] >> bit & 1
    ]
    features = policy_featureset(policy, xen)
    flags += [
        _named(features, xen, word.index)
        for word in xen.words
        if word.msr == index and features.words[word.index]
    ]
    return f"{name}: {' '.join(flags) or 'nothing'}" if name else "not known here"


def _named(features: Featureset, xen: Release, index: int) -> str:
    numbers = [number for number in features if number // WORD_BITS == index]
    return meanings.brief(xen, numbers) or "none"


def _featureset(policy: Policy, xen: Release, as_json: bool) -> int:
    featureset, missing = policy_featureset(policy, xen), lost(policy, xen)
    if as_json:
        terminal.print_json(
            {"release": xen.name, "featureset": str(featureset), "lost": list(missing)}
        )
        return OK
    print(featureset)
    for words in missing:
        print(f"not in a featureset: {words}", file=sys.stderr)
    return OK


def _diff(arguments: argparse.Namespace, release: Release | None) -> int:
    texts = (arguments.a, arguments.b)
    every = [_policies(text, arguments.set, release) for text in texts]
    title = "" if arguments.set else _usual(every)
    if title:
        every = [{title: policies[title]} if len(policies) > 1 else policies for policies in every]
        gets = f"{title} of each, what a new {title.split()[0]} guest gets"
        text = f"{gets} (--set raw, host, pv_max, … for another)"
        print(text, file=sys.stderr if arguments.json else sys.stdout)
    sides = [_only(policies, text) for policies, text in zip(every, texts, strict=True)]
    return diff.show_policies(
        sides[0][0], sides[1][0], release or sides[1][1], as_json=arguments.json
    )


def _usual(every: Sequence[Policies]) -> str:
    """The title of the policies to compare where hosts have several and none was named; "" where
    nothing has to be chosen, or not all have the same.
    """
    many = [policies for policies in every if len(policies) > 1]
    usual = [title for title in _USUAL if many and all(title in policies for policies in many)]
    return usual[0] if usual else ""


def document(policy: Policy, xen: Release) -> dict[str, Any]:
    """docs/json.md has the schema."""
    leaves, msrs = policy.entries()
    return {
        "text": policy.text(),
        "release": xen.name,
        "leaves": leaves,
        "msrs": msrs,
        "vendor": fields.vendor(policy),
        "featureset": str(policy_featureset(policy, xen)),
        "not_in_a_featureset": list(lost(policy, xen)),
    }

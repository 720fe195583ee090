"""Two arguments compared: sets, policies, hosts, or a VM with a host; and the result as JSON.

Most often these are two sets: what policies, hosts and VMs take is imported where they are met.
"""

import argparse
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..explain.sets import SetDifference, groups
from ..features import meanings, phrases
from ..features.featureset import MAX_WORDS, Featureset, FeaturesetError
from ..features.release import NEWEST, Release
from ..features.release import release as release_named
from . import WRONG_USAGE, Failure
from .arguments import failing, read, release_for, the_host
from .arguments import release as asked_release

if TYPE_CHECKING:
    from ..cpuid.policy import Policy
    from ..explain.differences import HostDifference
    from ..explain.policies import PolicyDifference
    from ..inputs.value import Input
    from ..pools.verdict import Answer
    from ..pools.vm import Vm
else:  # named tuples have a type for each field, and these are imported late
    Answer = HostDifference = Input = Policy = PolicyDifference = Vm = object


class Compared(NamedTuple):
    """What came out. `kind`: featuresets (`sets`), policies (`policies` under ""), hosts (`hosts`,
    `policies` by name, `journeys`), or arrival (`journeys`: a VM that goes to a host).
    """

    kind: str
    a: str
    b: str
    same: bool
    release: Release
    sets: SetDifference | None = None
    hosts: HostDifference | None = None
    policies: Mapping[str, PolicyDifference] = MappingProxyType({})
    journeys: tuple[Answer, ...] = ()


def compare(arguments: argparse.Namespace) -> Compared:
    """What the options A, B, --word and --xen ask for. Raises Failure."""
    release = asked_release(arguments)
    phrase = phrases.phrase(arguments.a)
    if arguments.b is None:
        if phrase is None or phrase.expected is None:
            raise Failure("B is missing: what shall A be compared with?", WRONG_USAGE)
        return _words(phrase.index, phrase.value, phrase.expected, release, ("found", "expected"))
    if arguments.word is not None:
        values = [_value(text) for text in (arguments.a, arguments.b)]
        return _words(arguments.word, values[0], values[1], release)
    other = phrases.phrase(arguments.b)
    if phrase is not None and other is not None:
        if phrase.index != other.index:
            raise Failure(f"word {phrase.index} is not word {other.index}", WRONG_USAGE)
        return _words(phrase.index, phrase.value, other.value, release)
    a = read(arguments.a, one_word=True)
    b = read(arguments.b, one_word=True)
    return _inputs(a, b, release)


def _value(text: str) -> int:
    featureset = read(text, one_word=True).featureset
    if featureset is None or featureset.length != 1:
        raise Failure(f'"{text}" is not one word of 8 hex digits', WRONG_USAGE)
    return featureset.bits


def _words(
    index: int, a: int, b: int, release: Release | None, names: tuple[str, str] = ("A", "B")
) -> Compared:
    xen = release or release_named(NEWEST)
    try:
        difference = SetDifference(phrases.word(index, a), phrases.word(index, b), xen)
    except FeaturesetError as error:
        raise Failure(str(error), WRONG_USAGE) from error
    titles = [
        f"{name} (word {index}: {value:08x})" for name, value in zip(names, (a, b), strict=True)
    ]
    return Compared("featuresets", titles[0], titles[1], difference.same, xen, sets=difference)


def _inputs(a: Input, b: Input, release: Release | None) -> Compared:
    names = (_short(a, "A"), _short(b, "B"))
    if a.hosts or b.hosts:
        from ..inputs.known import require_featuresets

        with failing():
            require_featuresets(a)
            require_featuresets(b)
    if a.hosts and b.hosts:
        return _hosts(a, b, names, release)
    if a.hosts or b.hosts:
        return _arrival(*((b, a) if a.hosts else (a, b)), release)
    if a.policy is not None and b.policy is not None:
        from ..explain.policies import policies

        xen = release or release_named(NEWEST)
        policy_difference = policies(a.policy, b.policy, xen)
        return Compared(
            "policies", *names, policy_difference.same, xen, policies={"": policy_difference}
        )
    seen_a, seen_b = _seen(a, release), _seen(b, release)
    xen = release or max(
        (release_for(featureset, None) for featureset in (seen_a, seen_b)), key=lambda x: x.length
    )
    difference = SetDifference(seen_a, seen_b, xen)
    return Compared("featuresets", *names, difference.same, xen, sets=difference)


def _short(source: Input, letter: str) -> str:
    if source.kind in ("featureset", "policy"):
        return letter
    return f"{letter} ({', '.join(source.host_names) or source.name})"


def _hosts(a: Input, b: Input, names: tuple[str, str], release: Release | None) -> Compared:
    from ..explain import differences

    difference = differences.hosts(the_host(a).host, the_host(b).host, names, release)
    return Compared(
        "hosts",
        *names,
        difference.same,
        difference.release,
        hosts=difference,
        policies=dict(difference.policies),
        journeys=difference.journeys,
    )


def _arrival(vm: Input, to: Input, release: Release | None) -> Compared:
    """A VM that goes to a host; of a bare set or policy, once as a PV and once as an HVM guest."""
    from ..inputs.known import known
    from ..pools.verdict import check

    named = the_host(to)
    member = known(named).member
    guests = _guests(vm, release or member.release)
    answers = tuple(check(guest, member) for guest in guests)
    fits = all(answer.grade.allowed for answer in answers)
    xen = release or member.release
    return Compared("arrival", guests[0].name, named.name, fits, xen, journeys=answers)


def _guests(source: Input, xen: Release) -> list[Vm]:
    from attrs import evolve

    from ..interface import GuestType
    from ..pools.vm import TYPE_NOT_TOLD, Vm, of_words, with_policy

    if len(source.vms) > 1:
        names = ", ".join(vm.name for vm in source.vms[:10])
        raise Failure(
            f"{source.name} has {len(source.vms)} VMs: name one, {source.name}#NAME; there are "
            f"{names}",
            WRONG_USAGE,
        )
    vm = source.vm or Vm("VM", GuestType.HVM, typed=False)
    if source.vm is None:
        vm = of_words(_seen(source, xen), vm)
        vm = with_policy(vm, source.policy) if source.policy is not None else vm
    if vm.typed:
        return [vm]
    untold = tuple(note for note in vm.notes if note != TYPE_NOT_TOLD)
    return [evolve(vm, guest=guest, notes=untold) for guest in GuestType]


def _seen(source: Input, xen: Release | None) -> Featureset:
    """What a VM, a policy or a featureset has."""
    policy: Policy | None = source.policy
    if source.featureset is not None:
        return source.featureset
    if source.vm is not None:
        return source.vm.features or Featureset()
    if policy is not None:
        from ..cpuid.words import policy_featureset

        return policy_featureset(policy, xen or release_named(NEWEST))
    raise Failure(f"{source.name} has no featureset and no policy to compare", WRONG_USAGE)


def document(compared: Compared) -> dict[str, Any]:
    """docs/json.md has the schema."""
    members: dict[str, Any] = {
        "kind": compared.kind,
        "a": compared.a,
        "b": compared.b,
        "same": compared.same,
        "release": compared.release.name,
    }
    if compared.sets is not None:
        members |= _set(compared.sets)
    if compared.hosts is not None:
        members["sets"] = {
            kind: _set(difference) for kind, difference in compared.hosts.sets.items()
        }
    if compared.kind == "policies":
        members |= _policy(compared.policies[""])
    elif compared.policies:
        members["policies"] = {
            name: _policy(difference) for name, difference in compared.policies.items()
        }
    if compared.journeys:
        members["journeys"] = [_journey(answer, compared.release) for answer in compared.journeys]
    return members


def _journey(answer: Answer, xen: Release) -> dict[str, Any]:
    possible = answer.vm.guest in answer.host.offers
    missing = Featureset.of_features((lack.number for lack in answer.missing), MAX_WORDS)
    return {
        "guest": answer.vm.guest.name.lower(),
        "from": answer.vm.name,
        "to": answer.host.name,
        "possible": possible,
        "verdict": answer.verdict.value,
        "problems": list(answer.problems),
        "missing": list(_features(missing, xen)) if possible else None,
    }


def _set(difference: SetDifference) -> dict[str, Any]:
    return {
        "same": difference.same,
        "only_in_a": list(_features(difference.only_in_a, difference.release)),
        "only_in_b": list(_features(difference.only_in_b, difference.release)),
    }


def _policy(difference: PolicyDifference) -> dict[str, Any]:
    return {
        "same": difference.same,
        "features": _set(difference.features),
        "statements": [statement.words() for statement in difference.statements],
    }


def _features(numbers: Featureset, xen: Release) -> Iterator[dict[str, Any]]:
    for group in groups(numbers, xen):
        for number in group.numbers:
            yield {
                "name": xen.label(number),
                "number": number,
                "group": group.title,
                "meaning": meanings.meaning(xen, number).text,
                "risk": group.risk,
            }

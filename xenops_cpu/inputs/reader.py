"""Several arguments read together: the hosts and the VMs of what was typed, each once.

What a person should see whatever the answer is (sources that say different things of one host, a
file that is damaged) goes to the reader's `say`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import evolve, field, frozen

from ..features.featureset import Featureset
from ..features.release import Release
from ..hosts.moment import UNKNOWN_MOMENT, Moment
from ..interface import GuestType
from ..pools.member import unlike
from ..pools.vm import TYPE_NOT_TOLD, Vm, as_type, of_words, started_on, with_policy
from . import argument, exists, hex_words, is_featureset, means_a_path, together
from .known import KnownHost, hosts_of, known
from .nearest import listed
from .value import FormError, Input, InputError, NamedHost, Stored

# A VM that is shut down.
NEW = "new"

# VMs of one source, and when it was read.
_List = tuple[Sequence[Vm], Moment]


def _nothing(_: str) -> None:
    pass


def _as_they_are(texts: Sequence[str], _: str) -> Iterable[str]:
    return texts


@frozen
class Argument:
    """One argument as it was read. `name`: of NAME=REST, "" without. `place`: which it is, of 1."""

    text: str
    name: str
    place: int
    read: Input


@frozen
class Reader:
    """`guest`: the guests meant, and what a bare featureset is of (None: HVM). `xen`: whose names
    and rules count where a record does not tell, and what cpu:NAME is simulated under. `level`:
    what VMs that were started on a host booted with, None: with what it gives.

    `read_argument`: its second parameter is the name of `xen`. `tracked`: the arguments as they are
    read, for a bar that says what is done.
    """

    guest: GuestType | None = None
    xen: Release | None = None
    level: Featureset | None = None
    say: Callable[[str], None] = field(default=_nothing, repr=False)
    read_argument: Callable[[str, str | None], Input] = field(default=argument.read, repr=False)
    tracked: Callable[[Sequence[str], str], Iterable[str]] = field(default=_as_they_are, repr=False)

    def read(self, text: str) -> Input:
        """One argument. Raises InputError."""
        source = self.read_argument(text, self.xen.name if self.xen is not None else None)
        if source.damage:
            self.say(f"{source.name}: {source.damage}")
        return source

    def all(self, texts: Sequence[str], subject: str) -> list[Argument]:
        """Without what only an older database of a pool has. Raises InputError."""
        read = []
        for place, text in enumerate(self.tracked(texts, subject), 1):
            name, bare = argument.split_name(text)
            read.append(Argument(bare, name, place, self.read(bare)))
        current, notes = together.current([each.read for each in read])
        for note in notes:
            self.say(note)
        return [evolve(each, read=now) for each, now in zip(read, current, strict=True)]

    def hosts(self, sources: Sequence[str | KnownHost]) -> list[KnownHost]:
        """All hosts of what was typed, in order, each once (by UUID) and with a name of its own.

        Who is given a name, NAME=HOST, or was read already, is taken for no other. Raises
        InputError.
        """
        hosts: list[KnownHost] = []
        same: dict[str, list[int]] = {}
        texts = [source for source in sources if isinstance(source, str)]
        typed = iter(self.all(texts, "reading hosts"))
        for source in sources:
            if isinstance(source, KnownHost):
                hosts.append(source)
                continue
            each = next(typed)
            called = each.name or argument.called(each.read, each.text, f"host {each.place}")
            here = list(hosts_of(each.read, called, self.guest or GuestType.HVM, self.xen))
            if not here and not self._gone(each):
                contents = argument.what_it_is(each.read)
                raise InputError(f'"{argument.shown(each.text)}" tells of no host; {contents}')
            for host in here:
                if host.member.uuid and not each.name:
                    same.setdefault(host.member.uuid, []).append(len(hosts))
                hosts.append(host)
        hosts = self._once(hosts, same.values())
        names = unlike(host.name for host in hosts)
        return [
            evolve(host, member=evolve(host.member, name=name))
            for host, name in zip(hosts, names, strict=True)
        ]

    def stored(self, texts: Sequence[str]) -> list[Stored]:
        """The records of xapi's in what was typed, each once; none where there are none."""
        read = self.all(texts, "reading records")
        return list(together.stored([(each.read.stored, each.read.moment) for each in read]))

    def vms(self, sources: Sequence[str | Vm], files: Sequence[str] = ()) -> list[Vm]:
        """All VMs of what was typed, in order, each once (by UUID) and with a name of its own; some
        may have been read already.

        `files`: arguments that were given for their hosts, in which a VM may be looked for by its
        name or UUID. Raises InputError.
        """
        return _each_once(self._vms(sources, files))

    def all_vms(self, texts: Sequence[str], files: Sequence[str]) -> list[Vm]:
        """The VMs of what was typed, and those in files that were given for their hosts: a bug
        report, xapi's database, a live pool. Raises InputError.
        """
        lists: list[_List] = [
            ([self._meant(vm) for vm in each], moment) for each, moment in self._lists(files)
        ]
        return _each_once([*lists, *self._vms(texts, files)])

    def vm_of(self, host: KnownHost, name: str = "") -> Vm:
        """A VM that was started on a host; of a featureset or a policy, one that has seen that."""
        member = host.member
        if host.named is None:
            kind = self.guest or GuestType.HVM
            notes = () if self.guest is not None else (TYPE_NOT_TOLD,)
            bare = Vm(name or member.name, kind, typed=self.guest is not None, notes=notes)
            return of_words(member.boot(kind), bare)
        first = GuestType.HVM if GuestType.HVM in member.offers else GuestType.PV
        return started_on(member, self.guest or first, name, self.level)

    def _meant(self, vm: Vm) -> Vm:
        return as_type(vm, self.guest) if self.guest is not None else vm

    def _gone(self, each: Argument) -> bool:
        """Whether an argument had hosts, all of which are in a newer database or have gone."""
        return bool(self.read(each.text).hosts)

    def _once(self, hosts: Sequence[KnownHost], same: Iterable[Sequence[int]]) -> list[KnownHost]:
        """Hosts that are the same, by place, put together where they first appear."""
        whole: dict[int, KnownHost] = dict(enumerate(hosts))
        for places in same:
            named = [each.named for place in places if (each := hosts[place]).named is not None]
            different = list({id(named_host.host): named_host for named_host in named}.values())
            if len(different) < 2:
                merged = hosts[places[0]]
            else:
                host, conflicts = together.merged([named_host.host for named_host in different])
                name = host.name or different[0].name
                for text in conflicts:
                    self.say(f"{name}: {text}; to have both, name them apart: NAME=HOST")
                merged = known(NamedHost(name, host), name)
            for place in places[1:]:
                del whole[place]
            whole[places[0]] = merged
        return list(whole.values())

    def _vms(self, sources: Sequence[str | Vm], files: Sequence[str]) -> list[_List]:
        typed: list[_List] = []
        texts = [source for source in sources if isinstance(source, str)]
        tracked = iter(self.tracked(texts, "reading VMs"))
        for source in sources:
            if isinstance(source, Vm):
                typed.append(([self._meant(source)], UNKNOWN_MOMENT))
                continue
            name, bare = argument.split_name(next(tracked))
            if bare == NEW:
                new = Vm(name or "a new VM", self.guest or GuestType.HVM)
                typed.append(([new], UNKNOWN_MOMENT))
                continue
            named = self._named(bare, files)
            if named:
                typed.append(([self._meant(vm) for vm in named], UNKNOWN_MOMENT))
                continue
            try:
                read = self.read(bare)
            except InputError as error:
                unknown = self._no_vm(bare, files)
                if unknown is None:
                    raise
                raise unknown from error
            called = argument.called(read, bare, "the VM")
            typed.append((list(self._of_input(read, name, called)), read.moment))
        return typed

    def _named(self, text: str, files: Sequence[str]) -> list[Vm]:
        """The VMs of this name, or UUID, in files given for their hosts.

        A file of that name wins. A name that reads as a featureset may be either. Raises FormError.
        """
        if exists(text) or argument.split_choice(text)[1]:
            return []
        files = _whole(files)
        named = [vm for vm in together.vms(self._lists(files)) if text in (vm.name, vm.uuid)]
        if named and is_featureset(text):
            having = next(file for file in files if self._has(file, text))
            raise FormError(
                f'"{text}" is a featureset and the name of a VM in {having}: say hex:{text} or '
                f"{having}#{text}"
            )
        return named

    def _no_vm(self, text: str, files: Sequence[str]) -> InputError | None:
        """What is wrong with a text that is no file, where a VM of the files may be meant."""
        if means_a_path(text) or ":" in text or exists(text):
            return None
        names = [vm.name for vm in together.vms(self._lists(_whole(files)))]
        if not names:
            return None
        words = f"; for a featureset say hex:{text}" if hex_words.may_be(text) else ""
        return InputError(
            f'"{argument.shown(text)}" is no file, and no VM in what is named beside it has that '
            f"name or UUID; {listed(text, names)}{words}"
        )

    def _has(self, file: str, name: str) -> bool:
        return any(name in (vm.name, vm.uuid) for vms, _ in self._lists([file]) for vm in vms)

    def _lists(self, texts: Sequence[str]) -> list[_List]:
        """The VMs of files that were given for their hosts; none in what is no file."""
        files = [text for text in texts if _may_have_vms(argument.split_name(text)[1])]
        return [(each.read.vms, each.read.moment) for each in self.all(files, "reading VMs")]

    def _of_input(self, read: Input, name: str, called: str) -> Iterator[Vm]:
        """`name`: as the user calls it; `called`: what it is called without a name of its own."""
        for vm in read.vms:
            alone = (name or called) if len(read.vms) == 1 else ""
            yield evolve(self._meant(vm), name=alone or vm.name)
        if read.vms:
            return
        for host in hosts_of(read, called, self.guest or GuestType.HVM, self.xen):
            vm = self.vm_of(host, name)
            yield with_policy(vm, read.policy) if read.policy is not None else vm


def _each_once(lists: Sequence[_List]) -> list[Vm]:
    each = list(together.vms(lists))
    names = unlike(vm.name for vm in each)
    return [evolve(vm, name=name) for vm, name in zip(each, names, strict=True)]


def _whole(texts: Sequence[str]) -> list[str]:
    """Files without the choice of a host: the VM is another thing of the file."""
    bare = (argument.split_name(text)[1] for text in texts)
    return list(dict.fromkeys(argument.split_choice(text)[0] for text in bare))


def _may_have_vms(text: str) -> bool:
    return argument.has_many(argument.split_choice(text)[0])

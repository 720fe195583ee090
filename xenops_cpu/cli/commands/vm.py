"""xenops-cpu vm: the whole CPU policy of one VM on a host, and what its guest reads."""

from __future__ import annotations

import argparse
from pathlib import Path

from attrs import evolve

from ... import files
from ...cpuid.policy import Policy
from ...errors import Error
from ...explain.vm import hypervisor_of
from ...features import aliases
from ...features.aliases import UnknownFeature
from ...features.featureset import Featureset
from ...features.release import release
from ...guests import toolstacks, viridian, xl, xl_config
from ...guests.arrival import arrive
from ...guests.changes import Change
from ...guests.domain import TYPES, Domain, Refusal
from ...guests.hypervisor import Hypervisor, NoPolicies
from ...guests.start import Start, start
from ...guests.toolstacks import TOOLSTACKS, XAPI, XL, Settings
from ...guests.vcpu import CR4_OSXSAVE, CR4_PKE, Surroundings, Vcpu
from ...inputs.argument import WHAT
from ...limits import input_limits
from .. import (
    ANSWERED_WITH_AN_ERROR,
    OK,
    WRONG_USAGE,
    Failure,
    command_line,
    terminal,
)
from ..arguments import derived_host, read
from ..running import is_running, read_domain
from ..started_vm import StartedVm
from ..words import guest as guest_words
from ..words import vm as vm_words
from ..words import vm_json

_EXAMPLES = """  xenops-cpu vm cpu:xeon-gold-6154@4.17                  # an HVM guest that xl makes
  xenops-cpu vm cpu:epyc-7763@4.20 --type pv --leaves    # as xen-cpuid -p prints it
  xenops-cpu vm host-7.json --featureset 1789cbf5-f6f83203-28100800-...  # a pool's level
  xenops-cpu vm cpu:xeon-gold-6154@4.17 --nested --explain VMX
  xenops-cpu vm cpu:epyc-7763@4.17 --cpuid "host,sse4a=0,family=23"
  xenops-cpu vm cpu:epyc-7763@4.17 --xl web-01.cfg --guest   # what the guest's CPUID returns
  xenops-cpu vm cpu:xeon-gold-6154@xenserver-8 --cores-per-socket 4
  xenops-cpu vm cpu:xeon-gold-6154@4.17 --stream suspended.img   # and what it finds changed
  xenops-cpu vm host-7.json --text > a.policy; xenops-cpu policy diff a.policy b.policy
  xenops-cpu vm domain:7                       # in dom0: what a VM that runs really has

exit codes: 0 done, 1 Xen or libxc refuses something, or --diff: they differ, 2 wrong use,
3 a file or HOST cannot be read
"""


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "vm",
        "What one VM has on HOST: every CPUID leaf and register of its policy, as the toolstack, "
        f"libxc and Xen make it, with reasons. HOST is {WHAT}. In place of HOST and settings, "
        "domain:N is a VM that runs here: what it has is read, not predicted.",
        _EXAMPLES,
    )
    command.add_argument("host", metavar="HOST", help="where it runs")
    vm = command.add_argument_group("the VM")
    vm.add_argument("--type", choices=TYPES, default=None, help="hvm where it is not said")
    vm.add_argument("--featureset", metavar="FEATURESET", help="what the toolstack levels it to")
    vm.add_argument("--nested", action="store_true", help="it may run virtual machines itself")
    vm.add_argument("--no-pae", action="store_true", help="pae=0, platform:pae=0")
    vm.add_argument("--no-nx", action="store_true", help="platform:nx=0")
    vm.add_argument("--nomigrate", action="store_true", help="it never migrates, so it has ITSC")
    vm.add_argument("--emulated-tsc", action="store_true", help='tsc_mode="always_emulate"')
    vm.add_argument("--shadow", action="store_true", help="without nested paging: hap=0")
    vm.add_argument(
        "--restore", action="store_true",
        help="it comes from a stream without a policy, so from Xen 4.13 or older",
    )  # fmt: skip
    vm.add_argument(
        "--stream", metavar="POLICY",
        help="what it had where it comes from (a file, a suspend image, a text): it is restored, "
        "and told is what it finds changed",
    )  # fmt: skip
    vm.add_argument(
        "--cores-per-socket", metavar="N", type=_count, default=0, help="XenServer's libxc only"
    )
    vm.add_argument(
        "--cpuid", metavar="TEXT", action="append",
        help='xl\'s cpuid=: "host,sse3=0,...", or a xend string; several of these may be given',
    )  # fmt: skip
    vm.add_argument("--xl", metavar="FILE", type=Path, help="an xl.cfg to take the settings from")
    vm.add_argument(
        "--toolstack", choices=TOOLSTACKS,
        help="who makes it (xapi where the host is XenServer or XCP-ng, else xl)",
    )  # fmt: skip
    vm.add_argument(
        "--xcp-ng", action="store_true", help="XCP-ng's xenguest, which shows nested virtualisation"
    )
    shown = command.add_argument_group("what to show").add_mutually_exclusive_group()
    shown.add_argument("--leaves", action="store_true", help="leaves, as xen-cpuid -p prints them")
    shown.add_argument("--text", action="store_true", help="the text form (docs/decoding.md)")
    shown.add_argument("--guest", action="store_true", help="what its CPUID instructions return")
    shown.add_argument("--explain", metavar="FEATURE", help="why it has a feature, or not")
    shown.add_argument("--diff", metavar="POLICY", help="what differs in another policy")
    command.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    guest = command.add_argument_group("the guest (with --guest)")
    guest.add_argument("--vcpus", metavar="N", type=_count, default=None, help="how many it has")
    guest.add_argument("--vcpu", metavar="N", type=int, default=0, help="which one asks")
    guest.add_argument("--xcr0", metavar="HEX", type=_hex, help="as the guest has set it")
    guest.add_argument("--pku", action="store_true", help="CR4.PKE is set")
    guest.add_argument("--apic-off", action="store_true", help="the APIC is off in MSR 1bh")
    guest.add_argument("--32-bit", dest="short", action="store_true", help="not in long mode")
    guest.add_argument(
        "--viridian", metavar="GROUPS", help="as xl's viridian=, with commas; defaults, all, !GROUP"
    )
    return command


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 8192:
        raise ValueError
    return number


def _hex(text: str) -> int:
    number = int(text, 16)
    if not 0 <= number < 1 << 64:
        raise ValueError
    return number


_count.__name__, _hex.__name__ = "number from 1 on", "number (hex)"


def run(arguments: argparse.Namespace) -> int:
    started = _running(arguments) if is_running(arguments.host) else _make(arguments)
    domain, derivation = started.domain, started.derivation
    code = ANSWERED_WITH_AN_ERROR if started.start.refusal else OK
    if arguments.diff is not None:
        differs = vm_words.differences(
            domain, _policy(arguments.diff), arguments.diff, as_json=arguments.json
        )
        return ANSWERED_WITH_AN_ERROR if differs else code
    if arguments.explain is not None:
        vm_words.story(domain, derivation, _numbers(arguments.explain, domain), arguments.json)
    elif arguments.text:
        print(domain.policy.text())
    elif arguments.guest:
        vcpu, around = _vcpu(arguments, domain), Surroundings(viridian=started.viridian)
        guest_words.guest(domain, vcpu, around, arguments.vcpus or 1, as_json=arguments.json)
    elif arguments.json:
        terminal.print_json(vm_json.document(started))
    elif arguments.leaves:
        vm_words.leaves(domain)
    else:
        vm_words.words(started)
    if arguments.leaves or arguments.text or arguments.guest or arguments.explain:
        vm_words.complain(started)
    return code


def _running(arguments: argparse.Namespace) -> StartedVm:
    live = read_domain(arguments.host, arguments)
    return StartedVm(
        Start(live.domain), Settings(), "", live.derivation, live.host, running=live.vm.name
    )


def _make(arguments: argparse.Namespace) -> StartedVm:
    host, derivation = derived_host(arguments.host)
    try:
        xen = hypervisor_of(host, derivation)
    except NoPolicies as error:
        raise Failure(str(error)) from error
    toolstack = arguments.toolstack or (XL if arguments.xl else toolstacks.usual(xen))
    settings, enlightened = _settings(arguments, xen, toolstack)
    begun, changed = _begun(arguments, xen, settings, toolstack)
    return StartedVm(
        begun, settings, toolstack, derivation, host,
        complaints=settings.setting.complaints, viridian=enlightened, changed=changed,
    )  # fmt: skip


def _begun(
    arguments: argparse.Namespace, xen: Hypervisor, settings: Settings, toolstack: str
) -> tuple[Start, tuple[Change, ...] | None]:
    """The VM started, or its stream restored; with --restore one that carries no policy."""
    if arguments.stream is None:
        try:
            return start(xen, settings, toolstack), None
        except Refusal as refusal:
            raise _not_created(str(refusal)) from refusal
    origin = release("4.13") if settings.restore else None
    arrival = arrive(_policy(arguments.stream), xen, settings, origin=origin, toolstack=toolstack)
    if arrival.domain is None:
        raise _not_created(arrival.refused)
    return Start(arrival.domain, arrival.refusal), arrival.changes


def _not_created(why: str) -> Failure:
    return Failure(f"Xen does not create that domain: {why}", ANSWERED_WITH_AN_ERROR)


def _settings(
    arguments: argparse.Namespace, xen: Hypervisor, toolstack: str
) -> tuple[Settings, int]:
    """The VM of the options, or of an xl.cfg with the options over it, and its viridian=."""
    try:
        if arguments.xl is not None:
            settings, enlightened = _of_xl(arguments.xl, xen)
        else:
            settings, enlightened = Settings(), 0
        featureset = arguments.featureset
        texts = arguments.cpuid
        named = bool(texts) and texts[0].startswith("host")
        xl_setting = xl.read(",".join(texts) if named else texts, xen.release) if texts else None
        if arguments.viridian is not None:
            enlightened = viridian.parameter(arguments.viridian.split(","), xen.release)
        if arguments.cores_per_socket and not xen.release.xenserver:
            raise Failure(
                f"--cores-per-socket: only XenServer's libxc knows it, not {xen.release.title}'s",
                WRONG_USAGE,
            )
        if xl_setting is not None and toolstack == XAPI:
            raise Failure("--cpuid is xl's, not xapi's: --toolstack xl", WRONG_USAGE)
        settings = evolve(
            settings,
            type=arguments.type or settings.type,
            hap=False if arguments.shadow else settings.hap,
            featureset=None if featureset is None else Featureset.parse(featureset),
            nested=arguments.nested or settings.nested,
            pae=settings.pae and not arguments.no_pae,
            nx=not arguments.no_nx,
            pinned=arguments.nomigrate or settings.pinned,
            emulated_tsc=arguments.emulated_tsc or settings.emulated_tsc,
            restore=arguments.restore,
            cores_per_socket=arguments.cores_per_socket,
            setting=settings.setting if xl_setting is None else xl_setting,
            xcp_ng=arguments.xcp_ng,
        )
    except (Error, ValueError) as error:
        raise Failure(str(error), WRONG_USAGE) from error
    return settings, enlightened


def _of_xl(path: Path, xen: Hypervisor) -> tuple[Settings, int]:
    try:
        text = files.read(path, input_limits.CONFIGURATION_BYTES, pipes=True).decode()
    except files.FileError as error:
        raise Failure(str(error)) from error
    except UnicodeDecodeError as error:
        raise Failure(f"{path}: no text, and so no configuration of xl") from error
    try:
        guest = xl_config.guest(text, xen.release)
    except xl_config.XlConfigError as error:
        raise Failure(f"{path}: {error}") from error
    settings = Settings(
        type=guest.config.type,
        hap=guest.config.hap,
        nested=guest.config.nested,
        pae=guest.wishes.pae,
        pinned=not guest.config.migratable,
        emulated_tsc=guest.config.vtsc,
        setting=guest.setting,
    )
    return settings, guest.viridian


def _policy(text: str) -> Policy:
    source = read(text)
    vm = source.vm
    policy = source.policy or (vm.policy if vm is not None else None)
    if policy is None:
        raise Failure(f"{source.name} has no CPU policy of a VM")
    return policy


def _numbers(names: str, domain: Domain) -> list[int]:
    try:
        return [
            number
            for name in names.split(",")
            for number in aliases.find(name, domain.hypervisor.release)
        ]
    except UnknownFeature as error:
        raise Failure(str(error), WRONG_USAGE) from error


def _vcpu(arguments: argparse.Namespace, domain: Domain) -> Vcpu:
    """A vCPU of a guest that runs: it has switched XSAVE on where it has it, unless told else."""
    if not 0 <= arguments.vcpu < (arguments.vcpus or 8192):
        count = arguments.vcpus or 8192
        raise Failure(f"--vcpu {arguments.vcpu}: its vCPUs are 0 to {count - 1}", WRONG_USAGE)
    cr4 = CR4_OSXSAVE if domain.table.states else 0
    xcr0 = arguments.xcr0
    if xcr0 is None and domain.table.states:
        xcr0 = domain.table.states
    return Vcpu(
        number=arguments.vcpu,
        cr4=cr4 | (CR4_PKE if arguments.pku else 0),
        xcr0=xcr0,
        apic=not arguments.apic_off,
        long_mode=not arguments.short,
        pae=True,
    )

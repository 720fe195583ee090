"""Texts for hosts of real CPUs, tried on each of them: they give the level, under any release."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host, real
from xenops_cpu.cpuid.policy import NO_SUBLEAF
from xenops_cpu.cpus import shipped
from xenops_cpu.derivation import DERIVED_RELEASES
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.guests import libxl_names
from xenops_cpu.guests.libxl_names import Flag
from xenops_cpu.guests.resets import Reset
from xenops_cpu.guests.start import start
from xenops_cpu.guests.toolstacks import Settings
from xenops_cpu.guests.xl import Setting
from xenops_cpu.interface import GuestType
from xenops_cpu.pools import registers
from xenops_cpu.pools.emit import EmitError, Emitted, emitted, reading, text, trial, xl_cpuid
from xenops_cpu.pools.level import level_of
from xenops_cpu.pools.member import Member, unlike

SKYLAKE, ICELAKE, SAPPHIRE = "xeon-gold-6154", "xeon-gold-6336y", "xeon-w7-2475x"
ROME, MILAN, TURIN = "epyc-7742", "epyc-7763", "epyc-9965"
POOLS = ((SKYLAKE, ICELAKE), (SKYLAKE, SAPPHIRE), ("core-i7-4930k", SAPPHIRE), (ROME, TURIN),
         ("opteron-6380", ROME, MILAN))  # fmt: skip
# What a text does not decide: topology is libxc's, nested virtualisation the VM's own setting.
NOT_SAID = ("HTT", "CMP_LEGACY", "VMX", "SVM", "FDP_EXCP_ONLY", "NO_FPU_SEL")


def pool(cpus: Sequence[str], xen: str) -> list[Member]:
    members = [real(cpu, xen) for cpu in cpus]
    unique = unlike(member.name for member in members)
    return [evolve(member, name=name) for member, name in zip(members, unique, strict=True)]


def emit(form: str, hosts: Sequence[Member], guest: GuestType, xen: str) -> Emitted:
    level = level_of(hosts, guest, release(xen)).featureset
    return emitted(form, hosts, guest, level, release(xen))


def hold(form: str, hosts: Sequence[Member], guest: GuestType, xen: str) -> None:
    """The guest that the text makes on each host, by xl's reader and libxc's rules alone."""
    tables = release(xen)
    try:
        made = emit(form, hosts, guest, xen)
    except EmitError as error:
        if form == "libvirt" and "one text a host" in str(error):
            return
        # Nothing is to be said but bits of MSRs, which xl of that release has no word for.
        _, only_msrs, beyond = str(error).partition("cannot reach MSRs: ")
        if only_msrs and not names(beyond, xen) - registers.of(tables):
            return
        raise
    setting = reading.setting(form, made.text, tables) if made.difference.values else None
    level = made.difference.level
    ignored = Featureset.of_features(
        (tables.features[name].number for name in NOT_SAID if name in tables.features),
        tables.length,
    )
    if form == "xl" and "cannot reach MSRs" in made.text:
        ignored |= registers.of(tables)
    said = {(name, one) for short in made.short for name in short.features for one in short.hosts}
    for member in hosts:
        hypervisor = member.hypervisor()
        assert hypervisor is not None
        kind = guest.name.lower()
        settings = Settings(type=kind) if setting is None else Settings(type=kind, setting=setting)
        guest_made = start(hypervisor, settings, "xl")
        assert guest_made.refusal is None
        features = Featureset(guest_made.domain.table.features(tables), tables.length)
        other = ((features ^ level) - ignored) - trial.fixed(tables)
        assert {(name, member.name) for name in tables.names(other)} <= said


@pytest.mark.parametrize("xen", ["4.13", "4.14", "4.15", "4.16", "4.17", "4.18", "4.20", "master"])
@pytest.mark.parametrize("cpus", POOLS, ids=" ".join)
def test_a_guest_has_the_level(cpus: Sequence[str], xen: str) -> None:
    """On each host, in both forms, for HVM and PV; what is not so is said."""
    for form in ("xl", "libvirt"):
        for guest in GuestType:
            hosts = [member for member in pool(cpus, xen) if guest in member.offers]
            if hosts:
                hold(form, hosts, guest, xen)


def pools(seed: int, count: int) -> Iterator[tuple[str, Sequence[str]]]:
    """Two or three CPUs of one vendor, under a release."""
    dice = random.Random(seed)
    cpus = list(shipped.catalogue())
    by_vendor: dict[str, list[str]] = {}
    for cpu in cpus:
        by_vendor.setdefault(shipped.get(cpu).cpu.vendor, []).append(cpu)
    for _ in range(count):
        own = by_vendor[shipped.get(dice.choice(cpus)).cpu.vendor]
        yield dice.choice(DERIVED_RELEASES), dice.sample(own, min(len(own), dice.choice((2, 2, 3))))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_a_guest_has_the_level_everywhere(seed: int) -> None:
    """250 pools of shipped CPUs under any release, XenServer's too."""
    for xen, cpus in pools(seed, 250):
        for form in ("xl", "libvirt"):
            for guest in GuestType:
                hosts = [member for member in pool(cpus, xen) if guest in member.offers]
                if hosts:
                    hold(form, hosts, guest, xen)


@pytest.mark.parametrize("seed", range(3))
def test_names_mean_what_they_should(seed: int) -> None:
    """Each name in a text is one that libxl of the release knows, and means a bit that differs."""
    for xen, cpus in pools(100 + seed, 8):
        tables = release(xen)
        hosts = [member for member in pool(cpus, xen) if HVM in member.offers]
        for form in ("xl", "libvirt"):
            try:
                made = emit(form, hosts, HVM, xen)
            except EmitError:
                continue
            known = libxl_names.names(tables)
            for name in reading.names(form, made.text):
                flag = known[name]
                assert not isinstance(flag, Flag) or flag.width == 1, name


def test_one_text_where_a_leaf_is_missing() -> None:
    """Skylake has no CPUID 7:1: the subleaves are hidden by their number, which registers say."""
    made = emit("xl", pool((SKYLAKE, SAPPHIRE), "4.19"), HVM, "4.19")
    assert '"0x7,0:eax=' + "0" * 32 in made.text
    assert "cannot reach MSRs" in made.text
    assert not made.short
    with pytest.raises(EmitError, match=r"xeon-gold-6154 has no CPUID 7:1.*--for HOST"):
        emit("libvirt", pool((SKYLAKE, SAPPHIRE), "4.19"), HVM, "4.19")


def test_for_each_host_names_will_do() -> None:
    """A text for one host alone names what that host has too much, MSR 10ah as well."""
    hosts = pool((SKYLAKE, SAPPHIRE), "4.19")
    level = level_of(hosts, HVM, release("4.19")).featureset
    made = emitted("xl", hosts[1:], HVM, level, release("4.19"))
    assert made.text.startswith('cpuid = "host,')
    assert "avx-vnni=0" in made.text
    assert "rdcl-no=0" in made.text


def test_a_leaf_goes_with_the_feature_it_depends_on() -> None:
    """Old CPUs have no leaf dh: XSAVE takes XSAVEOPT along, and needs no string of its own."""
    made = emit("xl", pool(("xeon-e5462", SKYLAKE), "4.17"), HVM, "4.17")
    assert "0xd" not in made.text
    assert "XSAVEOPT" in made.text
    assert not made.short


def test_what_a_host_does_not_take_in_is_said() -> None:
    """FS_GS_NS of Turin is in the level, and older hosts cannot give it."""
    made = emit("xl", pool((ROME, TURIN), "4.20"), HVM, "4.20")
    (short,) = made.short
    assert (short.features, short.hosts, short.more) == (("FS_GS_NS",), (ROME,), False)
    assert f"# a guest on {ROME} lacks of the level: FS_GS_NS" in made.text


def test_what_libxl_cannot_name_is_said() -> None:
    """4.13 has names in its own table only; a guest keeps what has none."""
    made = emit("libvirt", pool(("core-i7-2600", ICELAKE), "4.13"), HVM, "4.13")
    (short,) = made.short
    assert short.more
    assert short.features == ("XSAVEOPT", "XSAVEC", "XGETBV1", "XSAVES")
    assert "libxl of Xen 4.13 has no name for it" in str(short)


def test_late_names_are_said() -> None:
    """libxl of an older point release would refuse them."""
    hosts = pool((SKYLAKE, ICELAKE), "4.15")
    level = level_of(hosts, HVM, release("4.15")).featureset
    made = emitted("libvirt", hosts[1:], HVM, level, release("4.15"))
    assert any(
        "takes these names since 4.15.5" in note and "rdcl-no" in note for note in made.notes
    )


def test_a_text_that_a_host_would_refuse() -> None:
    """The features of a host that told sets only are tried on these; one with policies is made."""
    hosts = pool((SKYLAKE, ICELAKE), "4.17")
    level = level_of(hosts, PV, release("4.17")).featureset
    bare = [evolve(member, hypervisor=lambda: None) for member in hosts]
    assert emitted("xl", bare, PV, level, release("4.17")).short == ()
    long = evolve(hosts[0], release=release("4.20"))
    with pytest.raises(EmitError, match=r"could not be started on xeon-gold-6154: EOPNOTSUPP"):
        emitted("xapi", [long], PV, Featureset(level.bits | 1 << 30 * 32, 31), release("4.20"))


def test_a_text_against_the_level_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form that would give more, or that its reader does not take, is an error."""
    hosts = [host("a", "SSE3 MOVBE", xen="4.19"), host("b", "SSE3", xen="4.19")]
    monkeypatch.setattr(xl_cpuid, "names", lambda *_: 'cpuid = "host,sse3=1"\n')
    with pytest.raises(EmitError, match="would have MOVBE on a, against the level"):
        emit("xl", hosts, HVM, "4.19")
    monkeypatch.setattr(xl_cpuid, "names", lambda *_: 'cpuid = "host,tea=0"\n')
    with pytest.raises(EmitError, match=r'not what Xen 4\.19 reads: .* has no name "tea"'):
        emit("xl", hosts, HVM, "4.19")
    monkeypatch.setattr(text, "xapi", lambda *_: "xe\n")
    with pytest.raises(EmitError, match="names no featureset"):
        emit("xapi", hosts, HVM, "4.19")


def test_a_feature_without_what_it_depends_on() -> None:
    """Xen clears it, so the guest lacks it: said, with the feature it depends on."""
    xen = release("4.19")
    alone = [host("a", "SSE3 AVX2 FMA", xen="4.19"), host("b", "AVX2 FMA", xen="4.19")]
    made = emitted("xl", alone, HVM, names("AVX2 FMA", "4.19"), xen)
    assert all("depends on" in short.why for short in made.short)
    assert {name for short in made.short for name in short.features} == {"AVX2", "FMA"}


def test_registers_of_xapis_vms_are_said() -> None:
    """libxc sends leaves only: each host gives its own MSR 10ah."""
    made = emit("xapi", pool((SKYLAKE, ICELAKE), "xenserver-8"), HVM, "xenserver-8")
    assert any(f"boots on {ICELAKE} has also RDCL_NO" in note for note in made.notes)
    assert made.text.startswith("xe vm-param-set uuid=UUID platform:featureset=")


def test_a_host_whose_limits_are_not_known() -> None:
    """Where one host lacks a leaf, one text needs every host's limits: else it is for one host."""
    hosts = pool((SKYLAKE, SAPPHIRE), "4.19")
    bare = [hosts[0], evolve(hosts[1], hypervisor=lambda: None)]
    words = (
        "no one text fits all of these hosts: xeon-gold-6154 has no CPUID 7:1, which has features "
        r"to switch off on another; ask for one text a host \(--for HOST\)$"
    )
    with pytest.raises(EmitError, match=words):
        emit("xl", bare, HVM, "4.19")


def test_less_than_the_level_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody knows why a guest would lack a feature of the level, the text is wrong."""
    hosts = [host("a", "SSE3 MOVBE", xen="4.19"), host("b", "MOVBE", xen="4.19")]
    monkeypatch.setattr(xl_cpuid, "names", lambda *_: 'cpuid = "host,sse3=0,movbe=0"\n')
    with pytest.raises(EmitError, match="would lack MOVBE on a, against the level"):
        emitted("xl", hosts, HVM, names("MOVBE", "4.19"), release("4.19"))


def test_a_text_that_takes_a_leaf_from_the_host_that_has_it() -> None:
    """FS_GS_NS is in the level by Turin, whose leaf an old CPU of another vendor lacks; what is
    wrong is that they are of two vendors, so that is said first.
    """
    words = (
        "^these hosts have CPUs of GenuineIntel and AuthenticAMD: no VM can move between vendors, "
        r"whatever the level; give the hosts of one vendor \(a guest with that text would lack "
        r"FS_GS_NS on epyc-9965, against the level: it is not handed out\)$"
    )
    with pytest.raises(EmitError, match=words):
        emit("xl", pool(("xeon-e5462", TURIN), "4.20"), HVM, "4.20")


def test_a_text_for_hosts_of_two_vendors_says_so() -> None:
    """Where one can be written, its first comment is that no VM goes from one to another."""
    emitted_text = emit("xapi", pool((SKYLAKE, "epyc-7763"), "4.17"), HVM, "4.17")
    assert "no VM can move between vendors" in emitted_text.notes[0]
    assert "# these hosts have CPUs of GenuineIntel and AuthenticAMD" in emitted_text.text


@pytest.mark.parametrize(
    ("features", "expected"),
    [((), []), (("VME",), ["VME in CPUID 1 ebx (on xeon-gold-6154, xeon-gold-6336y)"])],
)
def test_what_is_set_anew(
    features: tuple[str, ...], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what libxc sets anew beside a text, features are said, and nothing of other bits."""
    reset = Reset((1, NO_SUBLEAF), "ebx", 0, 2, 2, features)
    by_setting = trial.by_setting
    monkeypatch.setattr(
        trial, "by_setting", lambda *given: evolve(by_setting(*given), resets=(reset,))
    )
    made = emit("xl", pool((SKYLAKE, ICELAKE), "4.19"), HVM, "4.19")
    start = "set anew with the register, as the host has it: "
    assert [note.removeprefix(start) for note in made.notes if note.startswith(start)] == expected


def test_a_host_without_nested_paging() -> None:
    """Its HVM guests have shadow paging, and not what needs more; none where Xen has none."""
    xen = release("4.17")
    (member,) = pool((SKYLAKE,), "4.17")
    hypervisor = member.hypervisor()
    assert hypervisor is not None
    shadow = evolve(hypervisor, hap=False)
    guest = trial.by_setting(evolve(member, hypervisor=lambda: shadow), HVM, Setting(), xen)
    nested = trial.by_setting(member, HVM, Setting(), xen)
    assert nested.most - guest.most == nested.most - xen.masks["hvm_shadow_max"]
    assert nested.most - guest.most
    neither = evolve(shadow, build=evolve(hypervisor.build, shadow=False))
    with pytest.raises(EmitError, match=r"started on xeon-gold-6154: .*without shadow paging"):
        trial.by_setting(evolve(member, hypervisor=lambda: neither), HVM, Setting(), xen)

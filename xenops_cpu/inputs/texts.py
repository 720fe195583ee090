"""A text of any format, by its contents; formats.py lists the formats."""

from __future__ import annotations

import re

from .. import files
from ..errors import InputError
from ..features.release import Release, ReleaseError
from ..features.release import release as release_named
from ..hosts import parts
from . import together
from .contents import Contents
from .formats import FORMATS, Text
from .records.collected import apart, once, without_record
from .value import Input, Kind, NamedHost


def parse(text: str, name: str, where: str, release: str | None = None) -> Contents:
    """`release`: to simulate the CPU of a dump under, None for the default. Raises InputError."""
    files.check(text, where)
    document = Text(text, name, where, release)
    return next(form for form in FORMATS if form.recognises(text)).read(document)


def as_input(contents: Contents, name: str, where: str, release: str | None = None) -> Input:
    """The Input that a single text makes. `release`: whose names count where none is told."""
    hosts = list(contents.hosts)
    name = re.sub(r"\.(?:txt|out|json)$", "", name)
    assumed = assumed_release(release)
    for each in contents.parts:
        short = each.name or name
        origin = where if short == name else f"{where}: {short}"
        hosts.append(NamedHost(short, parts.host(each, origin, assumed)))
    kind: Kind = "featureset"
    if hosts:
        kind = "host"
    elif contents.vms or contents.left_out:
        kind = "vm"
    elif contents.policy:
        kind = "policy"
    elif contents.events:
        kind = "log"
    vm = contents.vms[0] if len(contents.vms) == 1 and not hosts else None
    return Input(
        name,
        kind,
        hosts=apart(together.hosts(hosts).hosts),
        featureset=vm.features if vm else contents.featureset,
        policy=vm.policy if vm else contents.policy,
        vms=once(contents.vms),
        stored=contents.stored,
        left_out=contents.left_out,
        names=contents.names,
        events=contents.events,
        hw_caps=contents.hw_caps,
        damage=without_record(contents.unknown),
    )


def assumed_release(release: str | None) -> Release | None:
    """Raises InputError for a release that is not known."""
    try:
        return release_named(release) if release else None
    except ReleaseError as error:
        raise InputError(str(error)) from error

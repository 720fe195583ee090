"""scripts/idl-test-data: golden calls and replies in xapi-idl's file layout, made and verified.

    DIR/{xmlrpc,jsonrpc}/requests/<METHOD>.request.<n>
    DIR/{xmlrpc,jsonrpc}/responses/<METHOD>.response.<n>

n counts from 0 without a gap. Responses are every success, then every error. Where DIR itself has
requests/ and responses/, as each of xapi-idl's folders has, give the wire with --wire.

The id of a JSON request is its n and one, so that a method's files are the same whatever other
methods there are. xapi-idl's generator counts ids through all requests of a run; no reader minds.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from xenops_cpu.interface import METHODS, Error, Method
from xenops_cpu.wire import JSONRPC, XMLRPC, Call, Envelope, Form, Reply, WireError, jsonrpc, xmlrpc
from xenops_cpu.wire.marshal import MarshalError, arguments_reader, arguments_writer, reader, writer

from .contract import ContractError, load
from .generate import DOCUMENT, ROOT
from .model import Contract
from .samples import requests, samples

FORMS: dict[str, Form] = {XMLRPC: xmlrpc, JSONRPC: jsonrpc}
KINDS = {"requests": "request", "responses": "response"}
FILE = re.compile(r"(?P<method>.+)\.(?P<kind>request|response)\.(?P<number>0|[1-9][0-9]*)\Z")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="idl-test-data",
        description="Make or verify golden calls and replies in xapi-idl's file layout.",
        epilog="Exit codes: 0 done, or every file verifies; 1 verify found something; "
        "2 wrong usage, or the folder cannot be read or written.",
    )
    parser.add_argument("command", choices=["generate", "verify"])
    parser.add_argument("dir", metavar="DIR", type=Path)
    parser.add_argument("--wire", choices=[XMLRPC, JSONRPC, "both"], default="both")
    options = parser.parse_args(arguments)
    wires = [XMLRPC, JSONRPC] if options.wire == "both" else [options.wire]
    try:
        contract = load(json.loads((ROOT / DOCUMENT).read_text(encoding="utf-8")))
        if options.command == "generate":
            write(contract, options.dir, wires)
            return 0
        return _verify(options.dir, wires)
    except (OSError, ContractError) as error:
        print(f"idl-test-data: {error}", file=sys.stderr)
        return 2


def write(contract: Contract, folder: Path, wires: list[str]) -> None:
    """Fill a folder with what the contract makes; files that it no longer makes go."""
    for wire in wires:
        files = generate(contract, wire)
        for name, content in files.items():
            path = folder / wire / name
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        stale = [path for path in numbered(folder / wire) if _name(path) not in files]
        for path in stale:
            path.unlink()
        removed = f", {len(stale)} that it no longer makes removed" if stale else ""
        print(f"{folder / wire}: {len(files)} files{removed}")


def numbered(folder: Path) -> Iterator[Path]:
    """The files of a wire's folder that have a name of this layout."""
    for kind in KINDS:
        for path in sorted((folder / kind).glob("*")):
            if _matched(kind, path.name):
                yield path


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _matched(kind: str, name: str) -> re.Match[str] | None:
    match = FILE.match(name)
    return match if match and match["kind"] == KINDS.get(kind) else None


def _verify(folder: Path, wires: list[str]) -> int:
    count = 0
    for wire in wires:
        inner = folder / wire
        if len(wires) == 1 and not inner.is_dir():
            inner = folder
        problems, good = verify(inner, wire)
        for problem in problems:
            print(problem, file=sys.stderr)
        print(f"{inner}: {good} files verify, {len(problems)} problems")
        count += len(problems)
    return 1 if count else 0


def generate(contract: Contract, wire: str) -> dict[str, bytes]:
    """Every file of a wire, by its name below the wire's folder."""
    form = FORMS[wire]
    files: dict[str, bytes] = {}
    errors = samples(contract.error, "error")
    for method in contract.methods:
        for number, params in enumerate(requests(method)):
            body = form.dump_call(method.name, [params], Envelope(number + 1))
            files[f"requests/{method.name}.request.{number}"] = body
        replies = [form.dump_success(value) for value in samples(method.result, method.result_name)]
        replies += [form.dump_failure(error) for error in errors]
        for number, body in enumerate(replies):
            files[f"responses/{method.name}.response.{number}"] = body
    return files


# ---- verify -----------------------------------------------------------------------------------


def verify(folder: Path, wire: str) -> tuple[list[str], int]:
    """The problems in a wire's folder, in words, and the number of files without one."""
    numbers: dict[str, dict[str, set[int]]] = {kind: defaultdict(set) for kind in KINDS}
    problems: list[str] = []
    good = 0
    if not folder.is_dir():
        return [f"{folder}: there is no such folder"], 0
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        place = path.relative_to(folder)
        kind = place.parts[0]
        match = _matched(kind, path.name)
        if len(place.parts) != 2 or not match:
            problems.append(
                f"{path}: not one of requests/<METHOD>.request.<n>, responses/<METHOD>.response.<n>"
            )
            continue
        method = METHODS.get(match["method"])
        if method is None:
            problems.append(f"{path}: the contract has no method {match['method']}")
            continue
        numbers[kind][method.name].add(int(match["number"]))
        problem = _problem(method, wire, kind, path.read_bytes())
        if problem:
            problems.append(f"{path}: {problem}")
        else:
            good += 1
    problems += _missing(folder, numbers)
    if not any(numbers.values()):
        problems.append(f"{folder}: holds no requests and no responses")
    return problems, good


def _missing(folder: Path, numbers: dict[str, dict[str, set[int]]]) -> Iterator[str]:
    """A method has requests and responses or neither; each counts from 0."""
    for name in METHODS:
        has = [kind for kind in KINDS if numbers[kind].get(name)]
        if len(has) == 1:
            (other,) = set(KINDS) - set(has)
            yield f"{folder}: {name} has {has[0]} but no {other}"
        for kind in has:
            present = numbers[kind][name]
            for gap in sorted(set(range(max(present) + 1)) - present):
                yield f"{folder / kind}: {name}.{KINDS[kind]}.{gap} is missing among later ones"


def _problem(method: Method, wire: str, kind: str, body: bytes) -> str | None:
    """What is wrong with a file, or None: it has to read by its types, and again when written."""
    form = FORMS[wire]
    try:
        if kind == "requests":
            return _request_problem(method, form.parse_call(body))
        return _response_problem(method, form.parse_response(body))
    except (WireError, MarshalError) as error:
        return str(error)


def written_again(wire: str, name: str, body: bytes) -> bytes:
    """A golden file's bytes, read by the contract's types and written: what a release keeps.

    Raises WireError or MarshalError where it does not read.
    """
    form = FORMS[wire]
    kind, _, file = name.partition("/")
    match = _matched(kind, file)
    if match is None or match["method"] not in METHODS:
        raise MarshalError(f"{name}: the contract has no such file")
    method = METHODS[match["method"]]
    if kind == "requests":
        call = form.parse_call(body)
        return form.dump_call(call.method, _arguments(method)(call.params), call.envelope)
    reply = form.parse_response(body)
    if reply.success:
        return form.dump_success(writer(method.result)(reader(method.result)(reply.value)))
    return form.dump_failure(writer(Error)(reader(Error)(reply.value)))


def _arguments(method: Method) -> Callable[[list[Any]], list[Any]]:
    """What reads a call's parameters and writes them again."""
    params = tuple((param.name, param.type) for param in method.params)
    names = [param.name for param in method.params]
    read, write = arguments_reader(params), arguments_writer(params)

    def again(tree: list[Any]) -> list[Any]:
        return write(dict(zip(names, read(tree), strict=True)))

    return again


def _request_problem(method: Method, call: Call) -> str | None:
    if call.method != method.name:
        return f"calls {call.method}"
    return _difference(_arguments(method), call.params)


def _response_problem(method: Method, reply: Reply) -> str | None:
    type_: Any = method.result if reply.success else Error
    read, write = reader(type_), writer(type_)

    def again(tree: Any) -> Any:
        return write(read(tree))

    problem = _difference(again, reply.value)
    if not reply.success and not problem:
        tag, written = _tag(reply.value), _tag(again(reply.value))
        if tag.lower() != written.lower():
            return f"the contract has no error {tag}; callers would read {written}"
    return problem


def _tag(error: Any) -> str:
    return str(error[0] if isinstance(error, list) else error)


def _difference(again: Callable[[Any], Any], tree: Any) -> str | None:
    """What xapi-idl's verifier asks: a tree, read and written, still reads as the same value.

    So a form that rpclib reads but would not write, such as an extra member, passes.
    """
    written = again(tree)
    rewritten = again(written)
    if rewritten == written:
        return None
    return f"its value is not the same when it is written and read: {written!r} and {rewritten!r}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Answer a request's body with a service: every body gets an answer, and every failure is one.

The body tells the wire: its first character is "<" for XML-RPC, "{" or "[" for JSON-RPC. What is
neither is answered in XML-RPC, which is what xapi's callers read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from attrs import frozen

from xenops_cpu import data_files
from xenops_cpu.interface import (
    LEFT_TO_XENOPSD,
    METHODS,
    Error,
    InternalError,
    Service,
    Unimplemented,
    XenopsError,
)
from xenops_cpu.wire import (
    CALL_FAILED,
    CONTENT_TYPES,
    ENVELOPE,
    INVALID_PARAMS,
    JSONRPC,
    LIMITS,
    METHOD_NOT_FOUND,
    XMLRPC,
    Call,
    Envelope,
    Form,
    Limits,
    WireError,
    jsonrpc,
    xmlrpc,
)
from xenops_cpu.wire.marshal import (
    MarshalError,
    Value,
    Writer,
    arguments_reader,
    is_constant_record,
    writer,
)
from xenops_cpu.wire.remembered import Remembered

log = logging.getLogger(__name__)

DISCOVER = "rpc.discover"
# Methods whose work grows with what is asked; all others take microseconds.
LENGTHY = frozenset(name for name in METHODS if name.startswith("POOL."))
# Methods that may wait for something to happen.
WAITING = frozenset({"HOST.get_cpu_info_history"})
# xapi passes over an error of these ("Failed to get host CPU info; not updating database"): our log
# is the only trace.
SWALLOWED = frozenset({"HOST.stat", "HOST.get_cpu_info"})
_SHOWN = 200  # characters of a name or an exception's text that an answer repeats
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_WIRES: dict[str, Form] = {XMLRPC: xmlrpc, JSONRPC: jsonrpc}


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a lone surrogate has no UTF-8 form: "?" stands for it


class _Written(NamedTuple):
    """A result, its text on a wire, and the last reply with it: XML-RPC's are all alike."""

    result: object
    text: bytes
    envelope: Envelope
    reply: bytes


@frozen
class _Plan:
    """A method, compiled: its arguments, the service's method by name, its result."""

    python_name: str
    read: Callable[[list[Value]], list[Any]]
    takes: tuple[int, ...]
    has_units: bool
    write: Writer
    # The last result on each wire, for results that cannot change: the record of a host is the
    # same object until the host changes, and writing it is a third of a call.
    written: dict[Form, _Written] | None
    lengthy: bool
    # Where debug_info is among what the service's method takes; None for a method without it.
    debug_info: int | None

    def reply(self, wire: Form, envelope: Envelope, result: object, limits: Limits) -> bytes:
        """The whole reply with a result."""
        last = None if self.written is None else self.written.get(wire)
        if last is None or last.result is not result:
            text = _encode(wire.dump_value(self.write(result)))
        elif last.envelope is envelope:
            return last.reply
        else:
            text = last.text
        if self.lengthy:
            _check_size(len(text), limits)
        before, behind = wire.frame(envelope)
        reply = before + text + behind
        if self.written is not None:
            self.written[wire] = _Written(result, text, envelope, reply)
        return reply


@cache
def _plan(name: str) -> _Plan:
    """How to answer a method of the interface, made at its first call."""
    method = METHODS[name]
    takes = tuple(i for i, param in enumerate(method.params) if param.type is not None)
    names = [method.params[i].name for i in takes]
    return _Plan(
        python_name=method.python_name,
        read=arguments_reader(tuple((param.name, param.type) for param in method.params)),
        takes=takes,
        has_units=len(takes) < len(method.params),  # the service's methods do without them
        write=writer(method.result),
        written={} if is_constant_record(method.result) else None,
        lengthy=name in LENGTHY or name in WAITING,
        debug_info=names.index("debug_info") if "debug_info" in names else None,
    )


class _Asked(NamedTuple):
    """A call that was read: what the service is asked, and with what."""

    method: str
    plan: _Plan
    arguments: list[Any]


_questions: Remembered[_Asked] = Remembered()


def _remembered(body: bytes) -> tuple[str, _Plan, list[Any]] | None:
    """What a call asks that differs from an earlier one in its debug_info alone."""
    known = _questions.find(body)
    if known is None:
        return None
    (method, plan, arguments), debug_info = known
    arguments = arguments.copy()
    assert plan.debug_info is not None
    arguments[plan.debug_info] = debug_info
    return method, plan, arguments


def _remember(body: bytes, question: _Asked) -> None:
    plan = question.plan
    if plan.debug_info is not None and not plan.lengthy and xmlrpc.is_plain_call(body):
        _questions.keep(body, question)


def wire_of(body: bytes, otherwise: str = XMLRPC) -> str:
    """The wire that a body is written in, XMLRPC or JSONRPC; `otherwise` if it does not tell."""
    start = body[:1]
    if start not in (b"<", b"{"):
        start = body.removeprefix(_BOM).lstrip(_BLANK)[:1]
        if start != b"<" and start not in (b"{", b"["):
            return otherwise
    return XMLRPC if start == b"<" else JSONRPC


def content_type(wire: str) -> str:
    """The Content-Type of an answer on a wire."""
    return CONTENT_TYPES[wire]


def failure(wire: str, message: str) -> bytes:
    """The answer to a request that has no call in it, such as one over the transport's limits."""
    return _WIRES[wire].dump_failure(_error(InternalError(message)), ENVELOPE)


# Methods that are no part of the contract, as what they answer with, and what came of a call: its
# method and the tag of its error, empty for a success.
Own = Mapping[str, Callable[[], Value]]
Outcomes = list[tuple[str, str]]


def answer(
    service: Service,
    body: bytes,
    limits: Limits = LIMITS,
    otherwise: str = XMLRPC,
    own: Own = MappingProxyType({}),
    outcomes: Outcomes | None = None,
) -> bytes:
    """The reply to the call in a body. Never raises: failures are in the reply and in the log.

    `otherwise`: the wire of a body that does not tell its own. What came of it is added to
    `outcomes`.
    """
    reply = _answer(service, body, limits, otherwise, False, own, outcomes)
    assert reply is not None
    return reply


def quick_answer(
    service: Service,
    body: bytes,
    limits: Limits = LIMITS,
    otherwise: str = XMLRPC,
    own: Own = MappingProxyType({}),
    outcomes: Outcomes | None = None,
) -> bytes | None:
    """The same for a call that takes microseconds; None for one of LENGTHY or WAITING."""
    return _answer(service, body, limits, otherwise, True, own, outcomes)


def method_of(body: bytes, otherwise: str = XMLRPC, limits: Limits = LIMITS) -> str:
    """The method that a body calls; empty for one that is no call."""
    try:
        return _WIRES[wire_of(body, otherwise)].parse_call(body, limits).method
    except WireError:
        return ""


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.pool_answer_bytes:
        raise InternalError(
            f"the answer is larger than {limits.pool_answer_bytes:,} bytes; ask in parts, or use "
            "the commands of xenops-cpu, which have no such limit"
        )


def _answer(
    service: Service,
    body: bytes,
    limits: Limits,
    otherwise: str,
    quick: bool,
    own: Own,
    outcomes: Outcomes | None,
) -> bytes | None:
    """None for a long method when only a `quick` answer is wanted."""
    wire = _WIRES[wire_of(body, otherwise)]
    envelope = ENVELOPE
    code = CALL_FAILED
    method = ""
    try:
        question = _remembered(body) if wire is xmlrpc and limits is LIMITS else None
        if question is not None:
            method, plan, arguments = question
        else:
            call = wire.parse_call(body, limits)
            envelope, method = call.envelope, call.method
            if method not in METHODS:
                return _beside_the_contract(wire, call, own, outcomes)
            plan = _plan(method)
            if quick and plan.lengthy:
                return None
            code = INVALID_PARAMS
            arguments = plan.read(call.params)
            code = CALL_FAILED
            if plan.has_units:
                arguments = [arguments[index] for index in plan.takes]
            if wire is xmlrpc and limits is LIMITS:
                _remember(body, _Asked(method, plan, arguments))
        result = getattr(service, plan.python_name)(*arguments)
        reply = plan.reply(wire, envelope, result, limits)
    except XenopsError as error:
        if method in SWALLOWED:
            log.error("%s failed, so xapi keeps its old record of this host: %s", method, error)
        else:
            log.info("%s failed: %s", method[:_SHOWN], error)
        failed: XenopsError = error
    except WireError as error:
        envelope, code = error.envelope, error.code
        failed = InternalError(f"the request cannot be read: {error}")
        log.warning("refused a request: %s", error)
    except MarshalError as error:
        if code == INVALID_PARAMS:
            failed = InternalError(f"{method}: {error}")
            log.warning("refused a call: %s: %s", method, error)
        else:
            failed = InternalError(f"{method}: the service made a result that is none: {error}")
            log.error("%s made a result that is none: %s", method, error)
    except MemoryError:
        failed = InternalError(f"{method}: it needs more memory than there is for one call")
        log.error("%s needs more memory than there is for one call", method[:_SHOWN])
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"[:_SHOWN]
        failed = InternalError(f"{method or 'the request'}: {fault}")
        log.exception("%s failed", method[:_SHOWN] or "a request")
    else:
        if outcomes is not None:
            outcomes.append((method, ""))
        return reply
    if outcomes is not None:
        outcomes.append((method, failed.tag))
    return wire.dump_failure(_error(failed), envelope, code)


def _beside_the_contract(wire: Form, call: Call, own: Own, outcomes: Outcomes | None) -> bytes:
    """The reply to a call of another method than those of the contract."""
    method, envelope = call.method, call.envelope
    if method == DISCOVER:
        return wire.success(_document_text(wire is xmlrpc), envelope)
    if method in own:
        return wire.success(wire.dump_value(own[method]()), envelope)
    unknown = _unknown(method)
    log.info("refused a call: %s", unknown)
    if outcomes is not None:
        outcomes.append((method, unknown.tag))
    return wire.dump_failure(_error(unknown), envelope, METHOD_NOT_FOUND)


def _unknown(method: str) -> XenopsError:
    if method in LEFT_TO_XENOPSD:
        return Unimplemented(method)
    return InternalError(f"Unknown method {method[:_SHOWN]}")


def _error(error: XenopsError) -> Value:
    write = writer(Error)
    try:
        return write(error)
    except MarshalError as problem:
        log.error("an error that is none: %s", problem)
        return write(InternalError(f"the service made an error that is none: {problem}"))


@cache
def _document_text(in_xml: bool) -> str:
    wire: Form = xmlrpc if in_xml else jsonrpc
    return wire.dump_value(document())


@cache
def document() -> Any:
    """The contract as an OpenRPC document, the answer to rpc.discover."""
    return json.loads(data_files.read_text("openrpc.json"))

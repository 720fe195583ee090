"""xenops-cpu call: any method of a running service, with parameters by name."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from ...daemon.config.keys import KEYS
from ...interface import METHODS, Method, XenopsError
from ...transports import client
from ...transports.message_switch.messages import SwitchError
from ...wire import JSONRPC, XMLRPC, Envelope, WireError, jsonrpc, xmlrpc
from ...wire.marshal import MarshalError, reader, writer
from ...wire.marshal.types import is_optional, is_tagged, member
from .. import (
    ANSWERED_WITH_AN_ERROR,
    OK,
    WRONG_USAGE,
    Failure,
    command_line,
    sockets,
    terminal,
)
from ..overview import suggestion

_EXAMPLES = """  xenops-cpu call HOST.get_cpu_info debug_info=hello
  xenops-cpu call HOST.is_compatible vm_policy=00000001 host_policy=00000003
  xenops-cpu call POOL.level guest_type=Hvm hosts="$(cat hosts.json)"
  xenops-cpu call query --wire jsonrpc
  xenops-cpu call rpc.discover                          # the service's contract
  xenops-cpu call rpc.health                            # how it is; rpc.metrics for monitoring
  xenops-cpu call HOST.get_cpu_info --switch            # as xapi calls it by default
"""
_EXIT_CODES = """
exit codes: 0 done, 1 an error or the answer false, 2 wrong use, 3 no service can be asked
"""

# Beside the contract's.
_OWN = ("rpc.discover", "rpc.health", "rpc.metrics")
SWITCH, QUEUE = (KEYS[member].default for member in ("switch_path", "switch_queue"))

_WIRES = {XMLRPC: xmlrpc, JSONRPC: jsonrpc}


_LONGEST_SECONDS = 86400.0


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise ValueError
    return seconds


_seconds.__name__ = "number of seconds, up to a day,"


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "call",
        "Call METHOD and print its result as JSON; an error goes to standard error. Strings and "
        "tags (guest_type=Hvm) stand as typed, other values are JSON. debug_info, optional "
        "parameters and those without content may be left out.",
        f"{_EXAMPLES}{_EXIT_CODES}\nmethods: {', '.join((*METHODS, *_OWN))}\n",
    )
    command.add_argument("method", metavar="METHOD", help="as the contract names it")
    command.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="a parameter")
    command.add_argument("--wire", choices=tuple(_WIRES), default=XMLRPC, help="on a socket")
    command.add_argument("--socket", type=Path, metavar="PATH", help="where the service listens")
    command.add_argument(
        "--switch",
        type=Path,
        nargs="?",
        const=SWITCH,
        metavar="PATH",
        help=f"call over the message switch instead, in JSON ({SWITCH})",
    )
    command.add_argument(
        "--queue", default=QUEUE, metavar="NAME", help=f"the service's queue there ({QUEUE})"
    )
    command.add_argument(
        "--timeout",
        type=_seconds,
        default=client.TIMEOUT_SECONDS,
        metavar="SECONDS",
        help=f"for an answer ({client.TIMEOUT_SECONDS:g})",
    )
    return command


def run(arguments: argparse.Namespace) -> int:
    send = _sender(arguments)
    method = METHODS.get(arguments.method)
    values = _values(method, arguments.parameters)
    wire = jsonrpc if arguments.switch else _WIRES[arguments.wire]
    try:
        reply = wire.parse_response(send(wire.dump_call(arguments.method, [values], Envelope(1))))
    except (client.ConnectionFailed, SwitchError) as error:
        raise Failure(str(error)) from error
    except WireError as error:
        raise Failure(f"the reply cannot be read: {error}", ANSWERED_WITH_AN_ERROR) from error
    if not reply.success:
        close = "" if method is not None else suggestion(arguments.method, METHODS)
        raise Failure(f"{_error_text(reply.value)}{close}", ANSWERED_WITH_AN_ERROR)
    value = _typed(method, reply.value)
    terminal.print_json(value)
    return ANSWERED_WITH_AN_ERROR if value is False else OK


def _sender(arguments: argparse.Namespace) -> Callable[[bytes], bytes]:
    """From a call's body to the reply's, over the switch or a socket."""
    if arguments.switch:
        from ...transports.message_switch.client import sender

        return sender(arguments.switch, arguments.queue, arguments.timeout)
    path = arguments.socket or sockets.to_ask()
    if path is None:
        places = ", ".join(map(str, sockets.places()))
        raise Failure(f"no service is listening at {places}; start one with: xenops-cpu serve")
    return client.sender(path, arguments.timeout)


def _values(method: Method | None, parameters: list[str]) -> dict[str, Any]:
    """By name, checked against the contract where it has the method."""
    texts: dict[str, str] = {"debug_info": "xenops-cpu call"}
    for parameter in parameters:
        name, equals, text = parameter.partition("=")
        if not equals:
            raise Failure(f"{parameter!r} is not NAME=VALUE", WRONG_USAGE)
        texts[name] = text
    if method is None:
        return dict(texts)
    values: dict[str, Any] = {}
    for param in method.params:
        if param.type is None:
            values[param.name] = None
        elif param.name in texts:
            values[param.name] = _value(param.name, param.type, texts.pop(param.name))
        elif not is_optional(param.type):
            raise Failure(f"{method.name} needs {param.name}=VALUE", WRONG_USAGE)
    unknown = texts.keys() - {param.name for param in method.params}
    if unknown:
        names = ", ".join(param.name for param in method.params)
        raise Failure(
            f"{method.name} has no parameter {sorted(unknown)[0]!r}; it has {names}", WRONG_USAGE
        )
    return values


def _value(name: str, kind: Any, text: str) -> Any:
    """Strings and tags as they stand, everything else as JSON writes it."""
    try:
        read, write = member(kind)
        return write(read(_tree(kind, text)))
    except MarshalError as error:
        raise Failure(f"parameter {name}: {error}", WRONG_USAGE) from error
    except ValueError as error:
        raise Failure(
            f"parameter {name}: {text!r:.80} is no JSON ({error})", WRONG_USAGE
        ) from error


def _tree(kind: Any, text: str) -> Any:
    """What stands for a value on the wire. Raises ValueError."""
    if str in (kind, *get_args(kind)):
        return text
    try:
        return json.loads(text)
    except ValueError:
        if is_tagged(kind):
            return text
        raise


def _typed(method: Method | None, value: Any) -> Any:
    """XML-RPC has numbers as text: the contract says what they are."""
    if method is None:
        return value
    try:
        typed = writer(method.result)(reader(method.result)(value))
    except MarshalError as error:
        raise Failure(
            f"the result of {method.name} cannot be read: {error}", ANSWERED_WITH_AN_ERROR
        ) from error
    return _in_order(typed)


def _in_order(value: Any) -> Any:
    """Records are written last member first; people read them in the order of the contract."""
    if isinstance(value, dict):
        return {name: _in_order(member) for name, member in reversed(value.items())}
    return [_in_order(item) for item in value] if isinstance(value, list) else value


def _error_text(value: Any) -> str:
    from ...interface import Error

    try:
        error = reader(Error)(value)
    except MarshalError:
        return json.dumps(value, ensure_ascii=False)
    assert isinstance(error, XenopsError)
    return str(error)

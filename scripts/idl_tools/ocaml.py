"""The contract as idl/xenops_cpu_interface.ml, for rpclib 10 and ppx_deriving_rpc."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from .document import OCAML_WORD
from .model import (
    Basic,
    Contract,
    DictOf,
    ListOf,
    Method,
    Param,
    Record,
    Text,
    TupleOf,
    Type,
    Variant,
)
from .modules import modules

WIDTH = 80
BASIC = {
    "string": "string",
    "int": "int",
    "int64": "int64",
    "bool": "bool",
    "float": "float",
    "unit": "unit",
}

HEAD = """\
(* Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface:
   change that, not this. *)

open Rpc
open Idl
"""

ERROR_TAIL = """\
exception Xenops_cpu_error of {error}

let () =
  Printexc.register_printer (function
    | Xenops_cpu_error e ->
        let text = Rpc.to_string (Rpcmarshal.marshal {error_def}.Types.ty e) in
        Some (Printf.sprintf "Xenops_cpu_interface.Xenops_cpu_error(%s)" text)
    | _ ->
        None
    )

let err =
  Error.
    {{
      def= {error_def}
    ; raiser= (fun e -> Xenops_cpu_error e)
    ; matcher=
        (function
        | Xenops_cpu_error e ->
            Some e
        | exn ->
            Some ({module}Internal_error (Printexc.to_string exn))
        )
    }}
"""

API_HEAD = """\
module API (R : RPC) = struct
  open R

  let description =
    Interface.
      {{
        name= "{title}"
      ; namespace= None
      ; description= {description}
      ; version= ({version})
      }}

  let implementation = implement description
"""


def render(contract: Contract) -> str:
    """The text of the OCaml module."""
    parts = [HEAD, comment(contract.description)]
    for module, types in modules(contract.types).items():
        definitions = [definition(type_) for type_ in types]
        parts += structure(module, definitions)
    error = contract.error.ocaml
    parts.append(
        ERROR_TAIL.format(
            error=error,
            error_def=error,
            module=error.rpartition(".")[0] + "." if "." in error else "",
        )
    )
    parts.append(api(contract))
    return tidy("\n".join(parts))


def tidy(text: str) -> str:
    """No blank line after `struct` and before `end`, one between definitions, none at the end."""
    lines: list[str] = []
    for line in text.split("\n"):
        if not line.strip():
            if lines and lines[-1] and not lines[-1].endswith("struct"):
                lines.append("")
            continue
        if line.strip() == "end" and lines and not lines[-1]:
            lines.pop()
        if lines and lines[-1].strip() == "end" and line.strip() != "end":
            lines.append("")
        lines.append(line.rstrip())
    return "\n".join(lines).rstrip() + "\n"


def name_of(type_: Type, inside: str = "") -> str:
    """The type's expression; names of the module that is being defined stand alone."""
    match type_:
        case Basic(kind):
            return BASIC[kind]
        case ListOf(item):
            return f"{name_of(item, inside)} list"
        case DictOf(item):
            return f"(string * {name_of(item, inside)}) list"
        case TupleOf(items):
            return f"({' * '.join(name_of(item, inside) for item in items)})"
        case _:
            module, _, name = type_.ocaml.rpartition(".")
            return name if module == inside else type_.ocaml


def definition(type_: Text | Record | Variant) -> str:
    module, _, name = type_.ocaml.rpartition(".")
    lines = [comment(type_.description).rstrip(), f"type {name} ="]
    if isinstance(type_, Text):
        lines[-1] += " string"
    elif isinstance(type_, Record):
        for index, member in enumerate(type_.members):
            option = "" if member.required else " option"
            opening = "{" if index == 0 else ";"
            field = f"{identifier(member.name)}: {name_of(member.type, module)}{option}"
            if identifier(member.name) != member.name:
                field += f' [@key "{member.name}"]'
            lines += documented(f"  {opening} {field}", member.description)
        lines.append("  }")
    else:
        for tag in type_.tags:
            payload = f" of {name_of(tag.payload, module)}" if tag.payload else ""
            lines += documented(f"  | {tag.name}{payload}", tag.description)
        if type_.default:
            lines.append(f"[@@default {type_.default}]")
    lines += ["[@@deriving rpcty]", ""]
    return "\n".join(lines)


def api(contract: Contract) -> str:
    text = API_HEAD.format(
        title=contract.title,
        description=strings([contract.description], 10),
        version=", ".join(contract.version.split(".")),
    )
    parts = [text]
    shared = [
        param
        for param in contract.methods[0].params
        if all(param in method.params for method in contract.methods)
    ]
    parts += [textwrap.indent(let_param(param), "  ") for param in shared]
    # A module cannot be opened again: its methods stand together wherever the contract has them.
    for module in dict.fromkeys(method.module for method in contract.methods):
        declarations = [
            declaration(method, shared) for method in contract.methods if method.module == module
        ]
        parts += [textwrap.indent(part, "  ") for part in structure(module, declarations)]
    parts.append("end")
    return "\n".join(parts)


def structure(module: str, definitions: list[str]) -> list[str]:
    """Definitions in their module; without a name they stand at the top."""
    if not module:
        return definitions
    inner = [textwrap.indent(definition, "  ") for definition in definitions]
    return [f"module {module} = struct", *inner, "end"]


def declaration(method: Method, shared: list[Param]) -> str:
    name = method.name.rpartition(".")[2]
    lines = [f"let {identifier(name)} ="]
    lines += [
        textwrap.indent(let_param(param).rstrip(), "  ") + " in"
        for param in method.params
        if param not in shared
    ]
    result = Param(method.result_name, method.result, method.result_description, required=True)
    lines.append(textwrap.indent(let_param(result).rstrip(), "  ") + " in")
    lines += [
        f"  declare {string(method.name)}",
        "    " + strings([method.summary, method.description], 4),
        "    (" + " @-> ".join(f"{param.name}_p" for param in method.params),
        f"    @-> returning {method.result_name}_p err",
        "    )",
        "",
    ]
    return "\n".join(lines)


def let_param(param: Param) -> str:
    return (
        f"let {param.name}_p =\n"
        f"  Param.mk ~name:{string(param.name)}\n"
        f"    ~description:{strings([param.description], 4)}\n"
        f"    {type_definition(param)}\n"
    )


def type_definition(param: Param) -> str:
    """The Rpc.Types.def of a parameter's type."""
    match param.type:
        case Basic(kind) if param.required:
            return f"Types.{kind}"
        case Text() | Record() | Variant() if param.required:
            return param.type.ocaml
        case _:
            ty = type_value(param.type)
            ty = ty if param.required else f"Types.Option ({ty})"
            name, words = string(param.name), string(param.description)
            return f"Types.{{name= {name}; description= [{words}]; ty= {ty}}}"


def type_value(type_: Type) -> str:
    """The Rpc.Types.typ of a type."""
    match type_:
        case Basic("unit"):
            return "Types.Unit"
        case Basic(kind):
            return f"Types.Basic Types.{kind.capitalize()}"
        case ListOf(item):
            return f"Types.List ({type_value(item)})"
        case DictOf(item):
            return f"Types.Dict (Types.String, {type_value(item)})"
        case TupleOf(items):
            number = "" if len(items) == 2 else str(len(items))
            return f"Types.Tuple{number} ({', '.join(map(type_value, items))})"
        case _:
            return f"{type_.ocaml}.Types.ty"


def identifier(name: str) -> str:
    return name + "_" if OCAML_WORD.match(name) else name


def string(text: str, indent: int = 0) -> str:
    """A literal, broken by a backslash at the end of the line where it is long."""
    parts = textwrap.wrap(text, WIDTH - 4 - indent, break_on_hyphens=False, break_long_words=False)
    escaped = [part.replace("\\", "\\\\").replace('"', '\\"') for part in parts]
    # OCaml skips the blanks at the start of the next line, but not an escaped one.
    return '"' + (" \\\n" + " " * (indent + 1)).join(escaped) + '"'


def strings(texts: list[str], indent: int) -> str:
    """A list of texts, each on a line of its own."""
    pad = " " * indent
    inner = f"\n{pad}; ".join(string(text, indent + 2) for text in texts)
    return f"[\n{pad}  {inner}\n{pad}]"


def documented(line: str, text: str) -> list[str]:
    """A member or tag with its documentation after it, below it where the line would be long."""
    short = f"{line}  (** {safe(text)} *)"
    if len(short) + 2 <= WIDTH:
        return [short]
    words = textwrap.wrap(safe(text), WIDTH - 17, break_on_hyphens=False)
    words = [f"{'(** ' if index == 0 else '    '}{part}" for index, part in enumerate(words)]
    return [line, *("        " + part for part in words[:-1]), f"        {words[-1]} *)"]


def safe(text: str) -> str:
    """Text for a comment, where OCaml's lexer still looks for strings and for nested comments."""
    return text.replace("*)", "* )").replace("(*", "( *").replace('"', "`")


def comment(text: str) -> str:
    lines = list(_wrapped(safe(text)))
    return "(* " + "\n   ".join(lines) + " *)\n"


def _wrapped(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH - 6, break_on_hyphens=False)

(* A stand-in for idl/ocaml/lib/xenops_cpu_client.ml, for compilers without
   rpclib: each call has the type that rpclib's client would give it. Nothing
   here implements a call. *)

module Make (_ : sig
  val socket : string
end) =
struct
  include Xenops_cpu_interface.API (struct
    type implementation = unit

    type 'a res = 'a

    type ('a, 'e) comp = 'a

    type 'a fn = 'a

    let implement (_ : Idl.Interface.description) = ()

    let ( @-> ) (_ : 'a Idl.Param.t) (rest : 'b) (_ : 'a) : 'b = rest

    let returning (_ : 'a Idl.Param.t) (_ : 'e Idl.Error.t) : 'a = assert false

    let declare (_ : string) (_ : string list) (call : 'a) = call
  end)
end

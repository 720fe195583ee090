(* A stand-in for rpclib's module of this name: what an interface is declared
   with. Nothing here implements a call. *)

module Param = struct
  type 'a t = {name: string option; typedef: 'a Rpc.Types.def}

  let mk ?name ?description:(_ : string list option) typedef = {name; typedef}
end

module Error = struct
  type 'a t = {def: 'a Rpc.Types.def; raiser: 'a -> exn; matcher: exn -> 'a option}
end

module Interface = struct
  type description =
    { name: string
    ; namespace: string option
    ; description: string list
    ; version: int * int * int }
end

module type RPC = sig
  type implementation

  type 'a res

  type ('a, 'e) comp

  type _ fn

  val implement : Interface.description -> implementation

  val ( @-> ) : 'a Param.t -> 'b fn -> ('a -> 'b) fn

  val returning : 'a Param.t -> 'e Error.t -> ('a, 'e) comp fn

  val declare : string -> string list -> 'a fn -> 'a res
end

(* Reads every file of a folder of test data with the genuine rpclib, by the
   types of the interface, and writes it again: read_calls xmlrpc|jsonrpc DIR.
   Prints the files whose value is not the same then, and how many were read.
   Exit codes: 0 all are the same, 1 some are not. *)

let wire, folder = (Sys.argv.(1), Sys.argv.(2))

let call_of_string, response_of_string =
  if wire = "xmlrpc" then
    ( (fun text -> Xmlrpc.call_of_string text)
    , fun text -> Xmlrpc.response_of_string text )
  else
    ( (fun text -> Jsonrpc.call_of_string text)
    , fun text -> Jsonrpc.response_of_string text )

let good = ref 0

let bad = ref 0

(* Members may come in any order. *)
let rec sorted = function
  | Rpc.Dict members ->
      let members = List.map (fun (name, value) -> (name, sorted value)) members in
      Rpc.Dict (List.sort compare members)
  | Rpc.Enum values ->
      Rpc.Enum (List.map sorted values)
  | value ->
      value

let read typ value =
  match Rpcmarshal.unmarshal typ value with
  | Error (`Msg text) ->
      failwith text
  | Ok typed ->
      let again = sorted (Rpcmarshal.marshal typ typed) in
      (* XML-RPC has ints as text until their type is known. *)
      if Jsonrpc.to_string again <> Jsonrpc.to_string (sorted value) then (
        match Rpcmarshal.unmarshal typ again with
        | Ok same when same = typed && wire = "xmlrpc" ->
            ()
        | _ ->
            failwith "is another value when it is written again"
      )

let texts kind name =
  let path index =
    Filename.concat folder (Printf.sprintf "%ss/%s.%s.%d" kind name kind index)
  in
  let rec from index =
    if not (Sys.file_exists (path index)) then []
    else
      let channel = open_in_bin (path index) in
      let text = really_input_string channel (in_channel_length channel) in
      close_in channel ;
      (path index, text) :: from (index + 1)
  in
  match from 0 with
  | [] ->
      failwith (Printf.sprintf "%s: there is no such file" (path 0))
  | files ->
      files

let each files check =
  List.iter
    (fun (path, text) ->
      try check text ; incr good
      with error ->
        incr bad ;
        Printf.printf "%s: %s\n" path (Printexc.to_string error)
    )
    files

module Reader = struct
  type implementation = unit

  type 'a res = unit

  type ('a, 'e) comp = 'a

  type _ fn =
    | Function : 'a Idl.Param.t * 'b fn -> ('a -> 'b) fn
    | Returning : 'a Idl.Param.t * 'e Idl.Error.t -> 'a fn

  let implement _ = ()

  let ( @-> ) param rest = Function (param, rest)

  let noargs _ = failwith "each method has a parameter"

  let returning result error = Returning (result, error)

  let rec request : type a. (string * Rpc.t) list -> a fn -> unit =
   fun named -> function
    | Returning _ ->
        ()
    | Function (param, rest) ->
        let typ = param.typedef.ty in
        let value = List.assoc_opt (Option.get param.name) named in
        ( match (typ, value) with
        | Rpc.Types.Option inner, Some value ->
            read inner value
        | Rpc.Types.Option _, None ->
            ()
        | typ, Some value ->
            read typ value
        | _, None ->
            failwith (Option.get param.name ^ " is missing")
        ) ;
        request named rest

  let rec reply : type a. Rpc.response -> a fn -> unit =
   fun response -> function
    | Function (_, rest) ->
        reply response rest
    | Returning (result, _) when response.success ->
        read result.typedef.ty response.contents
    | Returning (_, error) ->
        read error.def.ty response.contents

  let declare name _ method_ =
    each (texts "request" name) (fun text ->
        let call = call_of_string text in
        if call.Rpc.name <> name then failwith ("calls " ^ call.Rpc.name) ;
        match call.Rpc.params with
        | [Rpc.Dict named] ->
            request named method_
        | _ ->
            failwith "has other parameters than one struct"
    ) ;
    each (texts "response" name) (fun text ->
        reply (response_of_string text) method_
    )

  let declare_notification = declare
end

module _ = Xenops_cpu_interface.API (Reader)

let () =
  Printf.printf "%d files read, %d not\n" !good !bad ;
  exit (if !bad = 0 then 0 else 1)

(* Prints HOST.get_cpu_info of the service at the socket that is named, or at
   the usual one. Exit codes: 0 printed, 1 the service answered with an error,
   3 there is no service. *)

open Xenops_cpu_interface

let print info =
  let open Host in
  let line name value = Printf.printf "%-18s %s\n" name value in
  line "cpu_count" (string_of_int info.cpu_count) ;
  line "socket_count" (string_of_int info.socket_count) ;
  line "threads_per_core" (string_of_int info.threads_per_core) ;
  line "nr_nodes" (string_of_int info.nr_nodes) ;
  line "vendor" info.vendor ;
  line "modelname" info.modelname ;
  line "features" info.features ;
  line "features_pv" info.features_pv ;
  line "features_hvm" info.features_hvm ;
  line "features_pv_host" info.features_pv_host ;
  line "features_hvm_host" info.features_hvm_host

let () =
  let socket =
    match Sys.argv with
    | [|_|] ->
        Xenops_cpu_client.default_socket
    | [|_; socket|] ->
        socket
    | _ ->
        prerr_endline "usage: xenops-cpu-get-cpu-info [SOCKET]" ;
        exit 2
  in
  let module Client = Xenops_cpu_client.Make (struct let socket = socket end) in
  match Client.HOST.get_cpu_info "xenops-cpu-get-cpu-info" with
  | info ->
      print info
  | exception Xenops_cpu_error error ->
      prerr_endline
        (Rpc.to_string (Rpcmarshal.marshal Errors.error.Rpc.Types.ty error)) ;
      exit 1
  | exception Unix.Unix_error (error, _, _) ->
      Printf.eprintf "no service at %s: %s\n" socket (Unix.error_message error) ;
      exit 3

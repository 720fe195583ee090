(* Who of the VMs may run on which host, asked of the service as xapi would ask
   it: through the generated interface and rpclib.

     who_may_move HOST_FEATURES VM_FEATURES [SOCKET]

   Both are featuresets as xapi stores them. Exit codes: 0 it may, 1 it may not,
   or the service says why it cannot tell, 2 wrong use, 3 there is no service. *)

open Xenops_cpu_interface

let host features : Pool.host =
  let cpu_info =
    List.map
      (fun key -> (key, features))
      ["features_pv"; "features_hvm"; "features_pv_host"; "features_hvm_host"]
  in
  {name= "the host"; cpu_info; hvm= true; release= ""}

let vm features : Pool.vm =
  { name= "the VM"
  ; guest_type= Hvm
  ; last_boot_cpu_flags= [("vendor", ""); ("features", features)] }

let may : Pool.verdict -> bool = function
  | Boots | Migrates | Only_by_max ->
      true
  | Only_by_force | Impossible ->
      false

(* Features are told once for all answers, which name them by their place. *)
let show (check : Pool.check) (answer : Pool.answer) =
  let line place =
    let feature : Pool.feature = List.nth check.features place in
    Printf.printf "%s: %s; without it: %s\n" feature.name feature.reason
      feature.risk
  in
  List.iter line answer.missing ;
  List.iter print_endline answer.problems ;
  may answer.verdict

let () =
  let host_features, vm_features, socket =
    match Sys.argv with
    | [|_; host; vm|] ->
        (host, vm, "/var/lib/xcp/xenops-cpu")
    | [|_; host; vm; socket|] ->
        (host, vm, socket)
    | _ ->
        prerr_endline "usage: who_may_move HOST_FEATURES VM_FEATURES [SOCKET]" ;
        exit 2
  in
  let module Client = Xenops_cpu_client.Make (struct let socket = socket end) in
  match
    Client.POOL.check "who_may_move" [vm vm_features] [host host_features]
  with
  | check ->
      if List.for_all (show check) check.answers then
        print_endline "the VM may run there"
      else (
        print_endline "the VM may not run there" ;
        exit 1
      )
  | exception (Xenops_cpu_error _ as error) ->
      prerr_endline (Printexc.to_string error) ;
      exit 1
  | exception Unix.Unix_error (error, _, _) ->
      Printf.eprintf "no service at %s: %s\n" socket (Unix.error_message error) ;
      exit 3

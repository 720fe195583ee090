(* Calls of the service over its Unix socket, one connection a call, as xapi's
   own client does it. *)

let default_socket = "/var/lib/xcp/xenops-cpu"

let write_all fd text =
  let bytes = Bytes.of_string text in
  let rec go from =
    let left = Bytes.length bytes - from in
    if left > 0 then go (from + Unix.write fd bytes from left)
  in
  go 0

let read_all fd =
  let buffer = Buffer.create 4096 and chunk = Bytes.create 4096 in
  let rec go () =
    match Unix.read fd chunk 0 (Bytes.length chunk) with
    | 0 ->
        Buffer.contents buffer
    | count ->
        Buffer.add_subbytes buffer chunk 0 count ;
        go ()
  in
  go ()

(* The body begins behind the first empty line. *)
let body_of response =
  let rec find from =
    match String.index_from_opt response from '\r' with
    | None ->
        failwith "xenops_cpu: the answer is no HTTP response"
    | Some at
      when String.length response >= at + 4
           && String.sub response at 4 = "\r\n\r\n" ->
        String.sub response (at + 4) (String.length response - at - 4)
    | Some at ->
        find (at + 1)
  in
  find 0

(* Raises Failure for an answer that is no HTTP response, Unix.Unix_error when
   nobody listens at [socket]. *)
let rpc ?(socket = default_socket) call =
  let body = Xmlrpc.string_of_call call in
  let request =
    Printf.sprintf
      "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s"
      (String.length body) body
  in
  let fd = Unix.socket Unix.PF_UNIX Unix.SOCK_STREAM 0 in
  Fun.protect
    ~finally:(fun () -> Unix.close fd)
    (fun () ->
      Unix.connect fd (Unix.ADDR_UNIX socket) ;
      write_all fd request ;
      Xmlrpc.response_of_string (body_of (read_all fd))
    )

(* Every method of the interface; each raises
   [Xenops_cpu_interface.Xenops_cpu_error] when the service answers with an
   error. *)
module Make (Where : sig
  val socket : string
end) =
struct
  include Xenops_cpu_interface.API (Idl.Exn.GenClient (struct
    let rpc = rpc ~socket:Where.socket
  end))
end

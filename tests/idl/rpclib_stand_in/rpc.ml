(* A stand-in for rpclib's module of this name, where rpclib is not installed:
   the types that the interface mentions, with the constructors that it uses.
   It can check types; it can neither write nor read. *)

module Types = struct
  type _ basic =
    | Int : int basic
    | Int64 : int64 basic
    | Bool : bool basic
    | Float : float basic
    | String : string basic

  type _ typ =
    | Basic : 'a basic -> 'a typ
    | Unit : unit typ
    | List : 'a typ -> 'a list typ
    | Dict : 'k basic * 'v typ -> ('k * 'v) list typ
    | Option : 'a typ -> 'a option typ
    | Tuple : 'a typ * 'b typ -> ('a * 'b) typ
    | Tuple3 : 'a typ * 'b typ * 'c typ -> ('a * 'b * 'c) typ
    | Tuple4 : 'a typ * 'b typ * 'c typ * 'd typ -> ('a * 'b * 'c * 'd) typ
    | Derived : 'a typ  (* what [@@deriving rpcty] would have made *)

  type 'a def = {name: string; description: string list; ty: 'a typ}

  let basic name kind = {name; description= []; ty= Basic kind}

  let int = basic "int" Int

  let int64 = basic "int64" Int64

  let bool = basic "bool" Bool

  let float = basic "float" Float

  let string = basic "string" String

  let unit = {name= "unit"; description= []; ty= Unit}
end

type t = unit

let to_string () = ""

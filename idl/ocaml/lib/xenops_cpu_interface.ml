(* Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface:
   change that, not this. *)

open Rpc
open Idl

(* Which CPU features does a VM see on this Xen host, at boot and after a
   migration, and why? This service reads the featuresets from Xen and hands
   xapi the record that it stores. *)

(* A bitmap of CPU features as text: 32-bit words in hex, eight digits each,
   joined by `-`. To the wire it is a string; whether it is a featureset is
   for the method to say. *)
type featureset = string
[@@deriving rpcty]

(* A CPU policy as text: LEAF:SUBLEAF->EAX:EBX:ECX:EDX for each CPUID leaf,
   joined by semicolons, a slash, then INDEX->VALUE(FLAGS) for each MSR,
   joined by semicolons; all in hex, subleaf ffffffff where a leaf has none,
   flags 0. A later form would begin with its version, such as v2. *)
type cpu_policy = string
[@@deriving rpcty]

(* What a VM is doing. *)
type power_state =
  | Running  (** The VM runs. *)
  | Halted  (** The VM is shut down. *)
  | Suspended  (** The VM's memory is saved in an image. *)
  | Paused  (** The VM has a domain that is not scheduled. *)
[@@deriving rpcty]

module Query = struct
  (* What answers at this socket. *)
  type t =
    { name: string  (** Name of the service. *)
    ; vendor: string  (** Who made it. *)
    ; version: string  (** Version of the program. *)
    ; features: string list
          (** What the service can do and where its featuresets come from, in
              words. *)
    ; instance_id: string  (** A UUID, new at each start of the service. *)
    }
  [@@deriving rpcty]
end

module Host = struct
  (* The CPU of a host, as xapi stores it. *)
  type cpu_info =
    { cpu_count: int  (** Logical CPUs that Xen runs on. *)
    ; socket_count: int  (** CPU packages. *)
    ; threads_per_core: int  (** Logical CPUs of a core. *)
    ; nr_nodes: int  (** NUMA nodes. *)
    ; vendor: string
          (** Vendor string of CPUID leaf 0, such as GenuineIntel. *)
    ; speed: string  (** Clock in MHz, as /proc/cpuinfo writes it. *)
    ; modelname: string  (** Brand string of the CPU. *)
    ; family: string  (** CPU family, in decimal. *)
    ; model: string  (** CPU model, in decimal. *)
    ; stepping: string  (** CPU stepping, in decimal. *)
    ; flags: string  (** Flags of /proc/cpuinfo, separated by blanks. *)
    ; features: featureset  (** What Xen itself uses of the hardware. *)
    ; features_pv: featureset
          (** The most that a PV guest may arrive with in a migration (Xen's
              PV max). *)
    ; features_hvm: featureset
          (** The most that an HVM or PVH guest may arrive with in a
              migration (Xen's HVM max). *)
    ; features_pv_host: featureset
          (** What a new PV guest gets at boot (Xen's PV default). *)
    ; features_hvm_host: featureset
          (** What a new HVM or PVH guest gets at boot (Xen's HVM default). *)
    }
  [@@deriving rpcty]

  (* What the chipset and Xen together offer to guests. *)
  type chipset_info =
    { iommu: bool  (** True when Xen can pass devices through to guests. *)
    ; hvm: bool  (** True when Xen can run HVM guests. *)
    }
  [@@deriving rpcty]

  (* The hypervisor that the host runs. *)
  type hypervisor =
    { version: string  (** Version of Xen, such as 4.17.5. *)
    ; capabilities: string
          (** Guest types that Xen can run, each followed by a blank. *)
    }
  [@@deriving rpcty]

  (* The state of a host. *)
  type t =
    { cpu_info: cpu_info  (** The CPU of the host. *)
    ; hypervisor: hypervisor  (** The hypervisor. *)
    ; chipset_info: chipset_info  (** The chipset. *)
    }
  [@@deriving rpcty]

  (* One fingerprint of a host, and what it changed. *)
  type change =
    { id: int  (** The number of the entry; later ones have higher numbers. *)
    ; source: string
          (** Where the featuresets came from: xen, simulated, ... *)
    ; first_seen: string
          (** When it was seen first, such as 2026-11-26T12:00:00Z. *)
    ; last_seen: string  (** When it was seen last. *)
    ; xen: string  (** Version of the hypervisor. *)
    ; commandline: string  (** Command line of the hypervisor. *)
    ; microcode: string
          (** Revision of the microcode in hex; empty if it cannot be read. *)
    ; bios: string
          (** Vendor, version and date of the firmware; empty if they cannot
              be read. *)
    ; build: string
          (** Changeset and build id of the hypervisor; empty if they cannot
              be read. *)
    ; program: string  (** Version of the service that recorded it. *)
    ; digest: string
          (** SHA-256 of the fingerprint; the same fingerprint has the same
              digest. *)
    ; changes: string list
          (** What differs from the entry before it, with features by name;
              empty for the first. *)
    ; causes: string list
          (** What probably changed it, the likeliest first; empty for the
              first. *)
    }
  [@@deriving rpcty]

  (* What a host was before. *)
  type history =
    { entries: change list
          (** The entries that were asked for, the oldest first. *)
    ; last: int
          (** The number of the last entry there is, for the next call; 0 if
              there is none. *)
    }
  [@@deriving rpcty]
end

module Pool = struct
  (* Which of a host's featuresets count for a guest. *)
  type guest_type =
    | Pv  (** PV guests. *)
    | Hvm  (** HVM guests, and PVH and PV-in-PVH guests. *)
  [@@deriving rpcty]

  (* A host of a pool. *)
  type host =
    { name: string  (** What to call it in answers. *)
    ; cpu_info: (string * string) list
          (** Host.cpu_info as xapi stores it, of any age. *)
    ; hvm: bool  (** True when it can run HVM guests. *)
    ; release: string
          (** Its Xen release: 4.7 to 4.22, master, xenserver-8.2 or
              xenserver-8, or a build of the last two; empty to go by the
              length of its featuresets. *)
    }
  [@@deriving rpcty]

  (* A VM and the features that it has seen. *)
  type vm =
    { name: string  (** What to call it in answers. *)
    ; guest_type: guest_type  (** Whose featuresets count for it. *)
    ; last_boot_cpu_flags: (string * string) list
          (** VM.last_boot_CPU_flags as xapi stores it (vendor and features);
              empty when it is shut down. *)
    }
  [@@deriving rpcty]

  (* What one host costs the level. *)
  type cost =
    { host: string  (** The host. *)
    ; lacks: string list  (** Features that it lacks and another host has. *)
    ; alone: string list
          (** Of these, the features that all other hosts have. *)
    }
  [@@deriving rpcty]

  (* A feature that the level or a host does without. *)
  type loss =
    { feature: string  (** Its name. *)
    ; hosts: string list  (** The hosts that lack it. *)
    ; reason: string  (** Why that is so. *)
    }
  [@@deriving rpcty]

  (* What a finding is about. *)
  type security_kind =
    | Forced
          (** Work that one host needs of guests. In a register only those
              that boot there do it. *)
    | Immunity
          (** An immunity that some hosts lack. In a register guests of other
              hosts rely on it there. *)
    | Control
          (** A control that some hosts lack. In a register guests of other
              hosts rely on it there. *)
    | Speed
          (** The pool loses a feature that guests miss in time, not in
              safety. *)
  [@@deriving rpcty]

  (* What the level means for security and speed, one finding. *)
  type security =
    { kind: security_kind  (** What it is about. *)
    ; feature: string  (** The feature that tells guests. *)
    ; hosts: string list  (** The hosts that cause it. *)
    ; text: string  (** What it means, for people. *)
    }
  [@@deriving rpcty]

  (* The level of a pool for one type of guest. *)
  type level =
    { release: string  (** The release whose rules and names were used. *)
    ; featureset: featureset  (** The level. *)
    ; features: string list  (** The same by name. *)
    ; hosts: string list  (** The hosts that count. *)
    ; skipped: string list  (** Hosts that run no such guests. *)
    ; costs: cost list  (** For each host that counts. *)
    ; losses: loss list  (** Features that are lost. *)
    ; refused: loss list
          (** Features of the level that hosts do not take in, so that they
              refuse VMs that boot with it. *)
    ; security: security list  (** What the level means for security. *)
    }
  [@@deriving rpcty]

  (* May the VM run on the host? From best to worst. *)
  type verdict =
    | Boots  (** It has seen nothing yet and boots here. *)
    | Migrates
          (** It resumes or migrates here, and sees nothing that the host
              would not give. *)
    | Only_by_max
          (** It resumes or migrates here, because the host takes in more
              than it gives; perhaps slowly. *)
    | Only_by_force
          (** The host lacks features: only a forced migration would go. *)
    | Impossible
          (** Another vendor, no such guests here, or leaves that Xen
              refuses. *)
  [@@deriving rpcty]

  (* A feature that a VM has seen and a host has not. *)
  type feature =
    { name: string  (** Its name, or word and bit where it has none. *)
    ; reason: string
          (** Why the host does not take it in, or does not give it. *)
    ; risk: string
          (** What the VM risks without it; empty where it is taken in. *)
    ; remedy: string
          (** What helps on that host; empty where nothing is known. *)
    ; compatibility: string
          (** For a bit that old records have for no use, where it comes
              from; else empty. *)
    }
  [@@deriving rpcty]

  (* The verdict for VMs on hosts of which all the same holds. Features are
     given by their place in the table that comes with the answers. *)
  type answer =
    { vms: string list  (** The VMs. *)
    ; hosts: string list  (** The hosts: each VM on each of them. *)
    ; verdict: verdict  (** May they? *)
    ; compared: string  (** Which featuresets were compared. *)
    ; missing: int list
          (** Features that the hosts do not take in, all of them. *)
    ; only_by_max: int list
          (** Features that the hosts take in and do not give at boot. *)
    ; problems: string list  (** What keeps the VMs out beside features. *)
    ; remedies: string list  (** What can be done. *)
    ; notes: string list  (** What was assumed or could not be compared. *)
    }
  [@@deriving rpcty]

  (* The verdicts for one VM. *)
  type row =
    { vm: string  (** The VM. *)
    ; verdicts: verdict list
          (** One for each host, in the order of the hosts. *)
    }
  [@@deriving rpcty]

  (* May VMs go to hosts? Every pair has a verdict; each fact is told once. *)
  type check =
    { hosts: string list  (** The hosts, in the order given. *)
    ; rows: row list  (** The verdicts, in the order of the VMs given. *)
    ; answers: answer list
          (** The reasons; every pair of VM and host is in one of them. *)
    ; features: feature list
          (** The features that the answers name by their place here. *)
    ; notes: string list  (** What to know of the hosts. *)
    }
  [@@deriving rpcty]

  (* The level for one type of guest, before and after. *)
  type change =
    { guest_type: guest_type  (** Whose featuresets. *)
    ; before: featureset  (** The level before. *)
    ; after: featureset  (** The level after. *)
    ; lost: string list  (** Features that the level loses. *)
    ; gained: string list  (** Features that it gains. *)
    }
  [@@deriving rpcty]

  (* A VM that the change touches. *)
  type touched =
    { vm: string  (** The VM. *)
    ; closed: string list
          (** Hosts of the pool that took it in before and will not. *)
    ; opened: string list  (** Hosts that will take it in and did not before. *)
    ; stranded: bool  (** True when no host will take it in any more. *)
    }
  [@@deriving rpcty]

  (* What a change of hosts does. *)
  type plan =
    { changes: change list  (** For each type of guest. *)
    ; vms: touched list  (** VMs that are touched, and no others. *)
    ; homeless: string list  (** VMs that no host takes in, before or after. *)
    ; answers: answer list  (** Why hosts will not take touched VMs in. *)
    ; features: feature list
          (** The features that the answers name by their place here. *)
    }
  [@@deriving rpcty]

  (* A sub-pool. *)
  type part =
    { hosts: string list  (** Its hosts. *)
    ; featureset: featureset  (** Its level. *)
    }
  [@@deriving rpcty]

  (* A partition into sub-pools. *)
  type split =
    { parts: part list  (** The sub-pools. *)
    ; given_up: int
          (** Features that hosts have and their level has not, added over
              all hosts. *)
    ; exact: bool  (** True when no other partition gives up less. *)
    }
  [@@deriving rpcty]

  (* A key of a stored record that is not as it should be. *)
  type finding =
    { key: string  (** The key. *)
    ; stored: string  (** What is stored; empty when the key is missing. *)
    ; expected: string  (** What should be stored. *)
    ; lost: string list  (** Features that are stored and should not be. *)
    ; gained: string list  (** Features that should be stored and are not. *)
    }
  [@@deriving rpcty]
end

module Domain = struct
  (* A domain that runs, and its CPU policy. *)
  type policy =
    { domid: int  (** The id of the domain. *)
    ; uuid: string
          (** What its toolstack gave it, which is the UUID of the VM in
              xapi; zeros for none. *)
    ; guest_type: Pool.guest_type
          (** Hvm stands for PVH too, which looks alike to the hypervisor. *)
    ; release: string
          (** Whose names the bits of the featureset have: 4.7 to 4.22,
              master, xenserver-8.2 or xenserver-8, or a build of the last
              two. *)
    ; featureset: featureset
          (** What a host has to take in for it: the features of the policy. *)
    ; policy: cpu_policy
          (** Every leaf and MSR, in the order of the hypervisor, also those
              that are zero. *)
    }
  [@@deriving rpcty]
end

module Errors = struct
  (* Every error of xenopsd's interface, so that callers need one reader only. *)
  type error =
    | Already_exists of (string * string)
          (** Something with this name exists already. *)
    | Does_not_exist of (string * string)  (** Nothing with this name exists. *)
    | Unimplemented of string
          (** The method belongs to xenopsd's interface and this service
              leaves it to xenopsd. *)
    | Domain_not_built  (** The VM has no domain yet. *)
    | Invalid_vcpus of int  (** A VM cannot have this number of virtual CPUs. *)
    | Bad_power_state of (power_state * power_state)
          (** The VM is in one power state and the call needs another. *)
    | Failed_to_acknowledge_shutdown_request
          (** The guest did not react to the request to shut down. *)
    | Failed_to_acknowledge_suspend_request
          (** The guest did not react to the request to suspend. *)
    | Failed_to_shutdown of (string * float)
          (** The guest did not shut down in time. *)
    | Failed_to_suspend of (string * float)
          (** The guest did not suspend in time. *)
    | Device_is_connected  (** The device is plugged in. *)
    | Device_not_connected  (** The device is not plugged in. *)
    | Device_detach_rejected of (string * string * string)
          (** The guest refused to let a device go. *)
    | Media_not_ejectable  (** The medium cannot be ejected. *)
    | Media_present  (** There is a medium in the drive. *)
    | Media_not_present  (** There is no medium in the drive. *)
    | No_bootable_device  (** The VM has nothing to boot from. *)
    | Bootloader_error of (string * string)  (** The boot loader failed. *)
    | Cannot_free_this_much_memory of (int64 * int64)
          (** The host cannot free as much memory as the call needs. *)
    | Vms_failed_to_cooperate of string list
          (** These VMs did not give back the memory that they were asked
              for. *)
    | IO_error  (** Reading or writing failed. *)
    | Failed_to_contact_remote_service of string
          (** A service that this one needs cannot be reached. *)
    | Hook_failed of (string * string * string * string)
          (** A hook script failed. *)
    | Not_enough_memory of int64  (** There is not enough memory. *)
    | Cancelled of string  (** The task was cancelled. *)
    | Storage_backend_error of (string * string list)
          (** The storage backend reported an error. *)
    | PCIBack_not_loaded  (** The pciback module is not loaded. *)
    | Failed_to_run_script of string  (** A script failed. *)
    | Failed_to_start_emulator of (string * string * string)
          (** The VM's device emulator did not start. *)
    | Ballooning_timeout_before_migration
          (** The VM did not balloon down before its migration. *)
    | Internal_error of string
          (** Anything else; the text says what was read, where, and what
              would have been right. *)
    | Unknown_error
          (** An error that this version of the interface does not know. *)
  [@@default Unknown_error]
  [@@deriving rpcty]
end

exception Xenops_cpu_error of Errors.error

let () =
  Printexc.register_printer (function
    | Xenops_cpu_error e ->
        let text = Rpc.to_string (Rpcmarshal.marshal Errors.error.Types.ty e) in
        Some (Printf.sprintf "Xenops_cpu_interface.Xenops_cpu_error(%s)" text)
    | _ ->
        None
    )

let err =
  Error.
    {
      def= Errors.error
    ; raiser= (fun e -> Xenops_cpu_error e)
    ; matcher=
        (function
        | Xenops_cpu_error e ->
            Some e
        | exn ->
            Some (Errors.Internal_error (Printexc.to_string exn))
        )
    }

module API (R : RPC) = struct
  open R

  let description =
    Interface.
      {
        name= "Xenops_cpu"
      ; namespace= None
      ; description= [
            "Which CPU features does a VM see on this Xen host, at boot and \
             after a migration, and why? This service reads the featuresets \
             from Xen and hands xapi the record that it stores."
          ]
      ; version= (0, 2, 0)
      }

  let implementation = implement description

  let debug_info_p =
    Param.mk ~name:"debug_info"
      ~description:[
        "The task of the caller, for the log: its name, and after a line break \
         optionally a W3C traceparent or a JSON object with traceparent and \
         baggage."
      ]
      Types.string

  let query =
    let unit_p =
      Param.mk ~name:"unit"
        ~description:[
          "Nothing; interfaces of xapi have it so that the call has an argument \
           of its own."
        ]
        Types.unit in
    let query_result_p =
      Param.mk ~name:"query_result"
        ~description:[
          "Name, version and instance of the service."
        ]
        Query.t in
    declare "query"
      [
        "Name and version of the service."
      ; "What answers at this socket. The member features of the reply says, in \
         words, where the featuresets come from, so that a simulated host is \
         never taken for a real one."
      ]
      (debug_info_p @-> unit_p
      @-> returning query_result_p err
      )

  module HOST = struct
    let stat =
      let host_p =
        Param.mk ~name:"host"
          ~description:[
            "The state of the host."
          ]
          Host.t in
      declare "HOST.stat"
        [
          "CPU, hypervisor and chipset of this host."
        ; "The same call, with the same record, as HOST.stat of xenopsd, for \
           callers that want all three parts."
        ]
        (debug_info_p
        @-> returning host_p err
        )

    let get_cpu_info =
      let cpu_info_p =
        Param.mk ~name:"cpu_info"
          ~description:[
            "The CPU of the host."
          ]
          Host.cpu_info in
      declare "HOST.get_cpu_info"
        [
          "The CPU record that xapi stores for this host."
        ; "Identity and topology of the CPU, and the five featuresets: what the \
           hardware and Xen can do, what a new guest gets at boot, and the most \
           that a guest may arrive with in a migration."
        ]
        (debug_info_p
        @-> returning cpu_info_p err
        )

    let get_cpu_info_history =
      let last_p =
        Param.mk ~name:"last"
          ~description:[
            "The number of the last entry that the caller knows; entries after it \
             are given. All without it."
          ]
          Types.{name= "last"; description= ["The number of the last entry that the caller knows; entries after it are \
       given. All without it."]; ty= Types.Option (Types.Basic Types.Int)} in
      let timeout_p =
        Param.mk ~name:"timeout"
          ~description:[
            "How many seconds to wait if there is no such entry, 30 at the most. No \
             waiting without it."
          ]
          Types.{name= "timeout"; description= ["How many seconds to wait if there is no such entry, 30 at the most. No \
       waiting without it."]; ty= Types.Option (Types.Basic Types.Int)} in
      let history_p =
        Param.mk ~name:"history"
          ~description:[
            "The entries, the oldest first."
          ]
          Host.history in
      declare "HOST.get_cpu_info_history"
        [
          "What this host was before, when it changed, and the likely cause."
        ; "Each fingerprint of the host that this service or one before it has \
           seen: featuresets, policies, the version and build of Xen, its command \
           line, microcode and firmware. Asked with the number of the last change \
           that the caller knows and a time-out, it waits for the next one, as \
           UPDATES.get of xenopsd does."
        ]
        (debug_info_p @-> last_p @-> timeout_p
        @-> returning history_p err
        )

    let get_domain_policy =
      let domid_p =
        Param.mk ~name:"domid"
          ~description:[
            "The id of the domain; 0 is dom0."
          ]
          Types.int in
      let policy_p =
        Param.mk ~name:"policy"
          ~description:[
            "The domain with its policy."
          ]
          Domain.policy in
      declare "HOST.get_domain_policy"
        [
          "The CPU policy that a domain really has."
        ; "Read from the hypervisor for each call: what the domain sees now, \
           whatever a record says of it. VM.last_boot_CPU_flags is what was asked \
           for when it started, which is more than this where the host did not \
           have all of it. Does_not_exist (domain, its id) where there is no such \
           domain; Internal_error where the service does not answer for the \
           hypervisor below it."
        ]
        (debug_info_p @-> domid_p
        @-> returning policy_p err
        )

    let combine_cpu_policies =
      let policy1_p =
        Param.mk ~name:"policy1"
          ~description:[
            "The featureset of one host, or the level so far."
          ]
          featureset in
      let policy2_p =
        Param.mk ~name:"policy2"
          ~description:[
            "The featureset of the other host."
          ]
          featureset in
      let policy3_p =
        Param.mk ~name:"policy3"
          ~description:[
            "The combined featureset."
          ]
          featureset in
      declare "HOST.combine_cpu_policies"
        [
          "The featureset that two hosts can both give."
        ; "Combines two featuresets into the common one. The empty string stands \
           for \"no host yet\" and leaves the other featureset as it is, so that \
           the level of a pool can be folded from nothing."
        ]
        (debug_info_p @-> policy1_p @-> policy2_p
        @-> returning policy3_p err
        )

    let is_compatible =
      let vm_policy_p =
        Param.mk ~name:"vm_policy"
          ~description:[
            "The featureset that the VM has seen since it booted."
          ]
          featureset in
      let host_policy_p =
        Param.mk ~name:"host_policy"
          ~description:[
            "The featureset that the host offers to arriving VMs."
          ]
          featureset in
      let compatible_p =
        Param.mk ~name:"compatible"
          ~description:[
            "True when no feature is missing."
          ]
          Types.bool in
      declare "HOST.is_compatible"
        [
          "May a VM with this featureset run on a host with that one?"
        ; "True when the host can give every feature that the VM was booted with, \
           so that the VM can migrate there or resume there. The names of missing \
           features go to the log of the service."
        ]
        (debug_info_p @-> vm_policy_p @-> host_policy_p
        @-> returning compatible_p err
        )
  end

  module POOL = struct
    let get_cpu_info =
      let hosts_p =
        Param.mk ~name:"hosts"
          ~description:[
            "The hosts, as xapi stores them."
          ]
          Types.{name= "hosts"; description= ["The hosts, as xapi stores them."]; ty= Types.List (Pool.host.Types.ty)} in
      let before_2023_p =
        Param.mk ~name:"before_2023"
          ~description:[
            "Whether the record is to be as xapi made it before 2023, with seven \
             keys."
          ]
          Types.{name= "before_2023"; description= ["Whether the record is to be as xapi made it before 2023, with seven keys."]; ty= Types.Option (Types.Basic Types.Bool)} in
      let pool_cpu_info_p =
        Param.mk ~name:"pool_cpu_info"
          ~description:[
            "vendor, cpu_count, socket_count, features_pv_host and \
             features_hvm_host, all as strings."
          ]
          Types.{name= "pool_cpu_info"; description= ["vendor, cpu_count, socket_count, features_pv_host and features_hvm_host, all \
       as strings."]; ty= Types.Dict (Types.String, Types.Basic Types.String)} in
      declare "POOL.get_cpu_info"
        [
          "The CPU record that xapi stores for a pool."
        ; "From the records of its hosts as xapi makes it: counts are added, PV \
           featuresets are levelled over all hosts and HVM featuresets over those \
           that run HVM guests. The sets are those for boot, and a host without \
           the keys that end in _host is passed over; before 2023 xapi kept those \
           for migration as well, and took them for boot where a host had no \
           others."
        ]
        (debug_info_p @-> hosts_p @-> before_2023_p
        @-> returning pool_cpu_info_p err
        )

    let level =
      let hosts_p =
        Param.mk ~name:"hosts"
          ~description:[
            "The hosts, as xapi stores them."
          ]
          Types.{name= "hosts"; description= ["The hosts, as xapi stores them."]; ty= Types.List (Pool.host.Types.ty)} in
      let guest_type_p =
        Param.mk ~name:"guest_type"
          ~description:[
            "Whose featuresets count."
          ]
          Pool.guest_type in
      let level_p =
        Param.mk ~name:"level"
          ~description:[
            "The level, and who costs it what."
          ]
          Pool.level in
      declare "POOL.level"
        [
          "The featureset that every host of a pool can give, and what each host \
           costs it."
        ; "Levels what the hosts give at boot as libxc does: what all have, and \
           some features if any host has them, without what depends on a missing \
           feature, with RSBA or RRSBA set anew. With the reason for each feature \
           that is lost, the features that each host keeps out, and what the \
           level means for security."
        ]
        (debug_info_p @-> hosts_p @-> guest_type_p
        @-> returning level_p err
        )

    let check =
      let vms_p =
        Param.mk ~name:"vms"
          ~description:[
            "The VMs, as xapi stores them."
          ]
          Types.{name= "vms"; description= ["The VMs, as xapi stores them."]; ty= Types.List (Pool.vm.Types.ty)} in
      let hosts_p =
        Param.mk ~name:"hosts"
          ~description:[
            "The hosts, as xapi stores them."
          ]
          Types.{name= "hosts"; description= ["The hosts, as xapi stores them."]; ty= Types.List (Pool.host.Types.ty)} in
      let check_p =
        Param.mk ~name:"check"
          ~description:[
            "A verdict for each VM and host, and the reasons."
          ]
          Pool.check in
      declare "POOL.check"
        [
          "May these VMs start, resume or migrate to these hosts, and at what \
           price?"
        ; "Every VM on every host: a graded verdict, every feature that is \
           missing by name with its reason, the risk of going without it and what \
           helps, and the features that the host takes in only because they \
           arrive with the VM. Verdicts come in the order of the VMs and hosts \
           given; what holds for many pairs is told once."
        ]
        (debug_info_p @-> vms_p @-> hosts_p
        @-> returning check_p err
        )

    let plan =
      let before_p =
        Param.mk ~name:"before"
          ~description:[
            "The hosts as they are."
          ]
          Types.{name= "before"; description= ["The hosts as they are."]; ty= Types.List (Pool.host.Types.ty)} in
      let after_p =
        Param.mk ~name:"after"
          ~description:[
            "The hosts as they would be."
          ]
          Types.{name= "after"; description= ["The hosts as they would be."]; ty= Types.List (Pool.host.Types.ty)} in
      let vms_p =
        Param.mk ~name:"vms"
          ~description:[
            "The VMs, as xapi stores them."
          ]
          Types.{name= "vms"; description= ["The VMs, as xapi stores them."]; ty= Types.List (Pool.vm.Types.ty)} in
      let plan_p =
        Param.mk ~name:"plan"
          ~description:[
            "Levels that change, and the VMs that are touched."
          ]
          Pool.plan in
      declare "POOL.plan"
        [
          "What happens to the levels and to VMs when the hosts of a pool change?"
        ; "Compares the pool before with the pool after: a join has one more \
           host, a leave one fewer, an update the same name with another record. \
           Changes nothing."
        ]
        (debug_info_p @-> before_p @-> after_p @-> vms_p
        @-> returning plan_p err
        )

    let split =
      let hosts_p =
        Param.mk ~name:"hosts"
          ~description:[
            "The hosts, as xapi stores them."
          ]
          Types.{name= "hosts"; description= ["The hosts, as xapi stores them."]; ty= Types.List (Pool.host.Types.ty)} in
      let guest_type_p =
        Param.mk ~name:"guest_type"
          ~description:[
            "Whose featuresets count."
          ]
          Pool.guest_type in
      let parts_p =
        Param.mk ~name:"parts"
          ~description:[
            "How many sub-pools there may be at most; at least one."
          ]
          Types.int in
      let split_p =
        Param.mk ~name:"split"
          ~description:[
            "The sub-pools and their levels."
          ]
          Pool.split in
      declare "POOL.split"
        [
          "The best partition of hosts into sub-pools."
        ; "The partition into at most so many parts that gives up the fewest \
           features, counted for each host that has them. Hosts of different \
           vendors are never put together."
        ]
        (debug_info_p @-> hosts_p @-> guest_type_p @-> parts_p
        @-> returning split_p err
        )

    let audit =
      let stored_p =
        Param.mk ~name:"stored"
          ~description:[
            "Pool.cpu_info as it is in the database."
          ]
          Types.{name= "stored"; description= ["Pool.cpu_info as it is in the database."]; ty= Types.Dict (Types.String, Types.Basic Types.String)} in
      let hosts_p =
        Param.mk ~name:"hosts"
          ~description:[
            "The hosts, as xapi stores them."
          ]
          Types.{name= "hosts"; description= ["The hosts, as xapi stores them."]; ty= Types.List (Pool.host.Types.ty)} in
      let findings_p =
        Param.mk ~name:"findings"
          ~description:[
            "One for each key that differs."
          ]
          Types.{name= "findings"; description= ["One for each key that differs."]; ty= Types.List (Pool.finding.Types.ty)} in
      declare "POOL.audit"
        [
          "Is the stored record of a pool what it should be?"
        ; "Compares a stored Pool.cpu_info with the one that the records of the \
           hosts give, and says by name what is stored and should not be, and the \
           reverse. An empty list means that the record is right."
        ]
        (debug_info_p @-> stored_p @-> hosts_p
        @-> returning findings_p err
        )
  end
end

# made by shtab from the parsers of xenops-cpu (scripts/generate-pages)

# Custom Preamble
function __xenops_cpu_words
    set -l program (commandline -opc)[1]
    $program completion --words $argv[1] (commandline -ct) 2>/dev/null
end

# End Custom Preamble

# Parse current commandline:
# - _shtab_xenops_cpu_cmdpath=(sub)command path seen so far
# - _shtab_xenops_cpu_npos=number of positional arguments given after it
# - options are skipped based on _shtab_xenops_cpu_opts_with_value & _shtab_xenops_cpu_commands lists
function _shtab_xenops_cpu_scan
  set -g _shtab_xenops_cpu_cmdpath ''
  set -g _shtab_xenops_cpu_npos 0
  set -l tokens (commandline -opc)
  set -e tokens[1]
  set -l expect_value 0
  for t in $tokens
    if test $expect_value -eq 1
      set expect_value 0
      continue
    end
    switch "$t"
      case '--*=*'
        continue
      case '-*'
        if contains -- $t $_shtab_xenops_cpu_opts_with_value
          set expect_value 1
        end
        continue
      case '*'
        if test $_shtab_xenops_cpu_npos -eq 0
          set -l candidate $t
          if test -n "$_shtab_xenops_cpu_cmdpath"
            set candidate "$_shtab_xenops_cpu_cmdpath $t"
          end
          if contains -- $candidate $_shtab_xenops_cpu_commands
            set -g _shtab_xenops_cpu_cmdpath $candidate
            continue
          end
        end
        set -g _shtab_xenops_cpu_npos (math $_shtab_xenops_cpu_npos + 1)
    end
  end
end

# Condition helper: true if the current (sub)command path equals the given one.
function _shtab_xenops_cpu_using
  _shtab_xenops_cpu_scan
  test "$_shtab_xenops_cpu_cmdpath" = "$argv"
end

set -g _shtab_xenops_cpu_commands serve info decode diff explain policy 'policy show' 'policy text' 'policy featureset' 'policy diff' history vm call simulate cpus check level plan split audit emit report watch read capture completion
set -g _shtab_xenops_cpu_opts_with_value --boot-cpuinfo --change-hook --combine --config --config-dir --cores-per-socket --corpus --cpu --cpuid --diff --disable-logging-for --dump --explain --featureset --fingerprint --for --history --hook --host --html --inventory --last --log --loglevel --metrics-file --microcode --msr --netrc --on-inconsistent --otlp-endpoint --parts --password-file --pidfile --pool --pool-record --queue --search-path --set --socket --socket-group --socket-mode --source --store --stream --style --switch --switch-path --switch-queue --timeout --title --to --to-cmdline --to-xen --toolstack --type --use-switch --vcpu --vcpus --viridian --vm --watch-seconds --wire --word --words --xapi --xcr0 --xen --xen-cmdline --xl

complete -c xenops-cpu -e
complete -c xenops-cpu -f

complete -c xenops-cpu -n _shtab_xenops_cpu_using -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n _shtab_xenops_cpu_using -l version -s V -d 'the version'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a serve -d 'answer HOST.get_cpu_info and its kin on a Unix socket'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l source -xka "(__xenops_cpu_words source)" -d 'where featuresets come from: xen, xen-cpuid, simulated, cpu:NAME[+MICROCODE][@RELEASE] (`xenops-cpu cpus` lists them), example:NAME or recorded:FILE; xen on a Xen host if not given, else simulated'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l boot-cpuinfo -xka "(__fish_complete_path (commandline -ct))" -d 'a copy of /proc/cpuinfo made at boot; used in its place where it is there (/etc/xensource/boot_time_cpus)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l cpu -xka "(__xenops_cpu_words cpu)" -d 'a shipped CPU (xenops-cpu cpus lists them), CPU+MICROCODE too'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l dump -xka "(__fish_complete_path (commandline -ct))" -d 'a CPU from a file: a dump of InstLatx64 or libcpuid, a capture, records as JSON'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l xen -xka "(__xenops_cpu_words release)" -d '4.13 to 4.22, master, xenserver-8.2, xenserver-8 (default: 4.17)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l xen-cmdline -x -d 'Xen'"'"'s boot options'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l microcode -x -d 'newest (public; the default of --cpu), as-dumped, a revision (0x5003605), a date (2023-08), a package (microcode-20230808) or xcp-ng-8.3'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l msr -x -d 'a register'"'"'s value, both in hex, such as 10a=8000000; may be repeated'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l no-hvm -d 'as with VT-x or SVM switched off in firmware'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l as-bare-metal -d 'as if no hypervisor ran below this machine'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l use-switch -x -d 'answer on the message switch as well (false)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l switch-path -xka "(__fish_complete_path (commandline -ct))" -d 'the message switch'"'"'s Unix socket (/var/run/message-switch/sock)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l search-path -x -d 'where programs are looked for beside PATH, with '"'"':'"'"' between'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l pidfile -xka "(__fish_complete_path (commandline -ct))" -d 'file for the process number; none unless it is named'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l log -x -d 'stderr, journal, or syslog:FACILITY (syslog:daemon) (stderr)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l disable-logging-for -x -d 'modules that log nothing, with blanks between'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l loglevel -x -d 'debug, info, warning or error (info)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l inventory -xka "(__fish_complete_path (commandline -ct))" -d 'the host'"'"'s inventory, for its UUID (/etc/xensource-inventory)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l socket -xka "(__fish_complete_path (commandline -ct))" -d 'the Unix socket to answer on; the usual place if not named (/tmp/xenops-cpu.sock)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l socket-mode -x -d 'permissions of the socket, octal (600)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l socket-group -x -d 'who else may connect: a group'"'"'s name'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l on-inconsistent -xka "error warn" -d 'when a default policy is not within its max: answer with an error, or only log it (error)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l combine -xka "libxc own" -d 'whose level HOST.combine_cpu_policies answers where libxc has the function too (libxc)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l switch-queue -x -d 'the queue to answer on the message switch (org.xen.xapi.xenops.cpu)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l history -x -d 'file (.sqlite) in which changes of the host are kept; none: in memory'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l watch-seconds -x -d 'how often the host is looked at though nobody asks (60)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l change-hook -x -d 'a command that is told of each change, as JSON on standard input'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l metrics-file -xka "(__fish_complete_path (commandline -ct))" -d 'file for node_exporter'"'"'s textfile collector (.prom)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l otlp-endpoint -x -d 'where OpenTelemetry traces go (http://host:4318); none: no traces'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l config -xka "(__fish_complete_path (commandline -ct))" -d '(/etc/xenops-cpu.conf); '"'"''"'"' for none'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l config-dir -xka "(__fish_complete_directories)" -d '(/etc/xenops-cpu.conf.d)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l lenient-config -d 'pass over unknown keys and bad values in files, with a line in the log for each'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l dump-config -d 'print each value and where it is from, and end'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using serve' -l version -d 'show program'"'"'s version number and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a info -d 'this host for people: what guests get at boot and may bring in a migration'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l socket -xka "(__fish_complete_path (commandline -ct))" -d 'ask the service that listens here'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l source -xka "(__xenops_cpu_words source)" -d 'where featuresets come from: xen, xen-cpuid, simulated, cpu:NAME[+MICROCODE][@RELEASE] (`xenops-cpu cpus` lists them), example:NAME or recorded:FILE; xen on a Xen host if not given, else simulated'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l boot-cpuinfo -xka "(__fish_complete_path (commandline -ct))" -d 'a copy of /proc/cpuinfo made at boot; used in its place where it is there (/etc/xensource/boot_time_cpus)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l cpu -xka "(__xenops_cpu_words cpu)" -d 'a shipped CPU (xenops-cpu cpus lists them), CPU+MICROCODE too'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l dump -xka "(__fish_complete_path (commandline -ct))" -d 'a CPU from a file: a dump of InstLatx64 or libcpuid, a capture, records as JSON'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l xen -xka "(__xenops_cpu_words release)" -d '4.13 to 4.22, master, xenserver-8.2, xenserver-8 (default: 4.17)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l xen-cmdline -x -d 'Xen'"'"'s boot options'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l microcode -x -d 'newest (public; the default of --cpu), as-dumped, a revision (0x5003605), a date (2023-08), a package (microcode-20230808) or xcp-ng-8.3'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l msr -x -d 'a register'"'"'s value, both in hex, such as 10a=8000000; may be repeated'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l no-hvm -d 'as with VT-x or SVM switched off in firmware'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l as-bare-metal -d 'as if no hypervisor ran below this machine'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l json -d 'for programs (docs/json.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using info' -l xapi -xka "today before-2025" -d 'xapi'"'"'s Host.cpu_info: a map of strings; before 2025 xapi had no nr_nodes'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a decode -d 'a featureset, or one word of it, bit by bit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using decode' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using decode' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names: 4.7 to 4.22, master, xenserver-8.2, xenserver-8 (default: the host'"'"'s, else the newest release with that many words)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using decode' -l style -xka "names table xen-cpuid" -d 'names: word by word; table: a row for each bit; xen-cpuid: the text of that release'"'"'s xen-cpuid, which reads FEATURESET by its own rules'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using decode' -l word -x -d 'only word N; a FEATURESET of one word is word N'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using decode' -l aliases -d 'what others call each feature'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using decode' -l json -d 'for programs (docs/json.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using decode; and test $_shtab_xenops_cpu_npos -ge 0' -ka "(__xenops_cpu_words host)" -d FEATURESET
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a diff -d 'what differs between two featuresets, policies or hosts, and what it means'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using diff' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using diff' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names: 4.7 to 4.22, master, xenserver-8.2, xenserver-8 (default: the host'"'"'s, else the newest release with that many words)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using diff' -l word -x -d 'A and B are word N of a featureset'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using diff' -l policies -d 'all that differs in the policies'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using diff' -l json -d 'for programs (docs/json.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using diff; and test $_shtab_xenops_cpu_npos -eq 0' -ka "(__xenops_cpu_words host)" -d A
complete -c xenops-cpu -n '_shtab_xenops_cpu_using diff; and test $_shtab_xenops_cpu_npos -eq 1' -ka "(__xenops_cpu_words host)" -d B
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a explain -d 'what a feature is, and on a host in which sets it is and why'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain' -l json -d 'for programs (docs/json.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain' -l cpu -xka "(__xenops_cpu_words cpu)" -d 'a shipped CPU (xenops-cpu cpus lists them), CPU+MICROCODE too'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain' -l dump -xka "(__fish_complete_path (commandline -ct))" -d 'a CPU from a file: a dump of InstLatx64 or libcpuid, a capture, records as JSON'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain' -l xen -xka "(__xenops_cpu_words release)" -d '4.13 to 4.22, master, xenserver-8.2, xenserver-8 (default: 4.17)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain' -l xen-cmdline -x -d 'Xen'"'"'s boot options'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain' -l microcode -x -d 'newest (public; the default of --cpu), as-dumped, a revision (0x5003605), a date (2023-08), a package (microcode-20230808) or xcp-ng-8.3'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain' -l msr -x -d 'a register'"'"'s value, both in hex, such as 10a=8000000; may be repeated'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain' -l no-hvm -d 'as with VT-x or SVM switched off in firmware'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain' -l as-bare-metal -d 'as if no hypervisor ran below this machine'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain; and test $_shtab_xenops_cpu_npos -eq 0' -ka "(__xenops_cpu_words feature)" -d FEATURE
complete -c xenops-cpu -n '_shtab_xenops_cpu_using explain; and test $_shtab_xenops_cpu_npos -ge 1' -ka "(__xenops_cpu_words host)" -d '[on] HOST'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a policy -d 'CPU policies: leaves and MSRs shown, compared, written as text'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy; and test $_shtab_xenops_cpu_npos -eq 0' -a show -d 'each leaf and register, and what is in it'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy show' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy show' -l set -xka "raw host pv_max hvm_max pv_default hvm_default" -d 'of a host: whose policy'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy show' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names: 4.7 to 4.22, master, xenserver-8.2, xenserver-8 (default: the host'"'"'s, else the newest release with that many words)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy show' -l style -xka "words xen-cpuid" -d 'xen-cpuid: as '"'"'xen-cpuid -p'"'"' prints policies'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy show' -l json -d 'for programs (docs/json.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy show; and test $_shtab_xenops_cpu_npos -eq 0' -ka "(__xenops_cpu_words host)" -d POLICY
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy; and test $_shtab_xenops_cpu_npos -eq 0' -a text -d 'the text form of a policy (docs/decoding.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy text' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy text' -l set -xka "raw host pv_max hvm_max pv_default hvm_default" -d 'of a host: whose policy'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy text' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names: 4.7 to 4.22, master, xenserver-8.2, xenserver-8 (default: the host'"'"'s, else the newest release with that many words)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy text; and test $_shtab_xenops_cpu_npos -eq 0' -ka "(__xenops_cpu_words host)" -d POLICY
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy; and test $_shtab_xenops_cpu_npos -eq 0' -a featureset -d 'the featureset of a policy, and what is lost'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy featureset' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy featureset' -l set -xka "raw host pv_max hvm_max pv_default hvm_default" -d 'of a host: whose policy'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy featureset' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names: 4.7 to 4.22, master, xenserver-8.2, xenserver-8 (default: the host'"'"'s, else the newest release with that many words)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy featureset' -l json -d 'for programs (docs/json.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy featureset; and test $_shtab_xenops_cpu_npos -eq 0' -ka "(__xenops_cpu_words host)" -d POLICY
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy; and test $_shtab_xenops_cpu_npos -eq 0' -a diff -d 'what differs, in words'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy diff' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy diff' -l set -xka "raw host pv_max hvm_max pv_default hvm_default" -d 'of hosts: whose policies'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy diff' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names: 4.7 to 4.22, master, xenserver-8.2, xenserver-8 (default: the host'"'"'s, else the newest release with that many words)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy diff' -l json -d 'for programs (docs/json.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy diff; and test $_shtab_xenops_cpu_npos -eq 0' -ka "(__xenops_cpu_words host)" -d A
complete -c xenops-cpu -n '_shtab_xenops_cpu_using policy diff; and test $_shtab_xenops_cpu_npos -eq 1' -ka "(__xenops_cpu_words host)" -d B
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a history -d 'what this host was before, when it changed, and the likely cause'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using history' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using history' -l socket -xka "(__fish_complete_path (commandline -ct))" -d 'ask the service there'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using history' -l store -xka "(__fish_complete_path (commandline -ct))" -d 'read the file in which a service keeps it (/var/lib/xenops-cpu/history.sqlite where no service answers)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using history' -l last -x -d 'only entries after this'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using history' -l json -d 'a list; with --follow a line for each'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using history' -l follow -d 'wait for changes and print each as it is noticed'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using history' -l host -x -d 'print the host of that entry as a capture (docs/captures.md), out of the file'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a vm -d 'what one VM has on a host: its whole policy, what its guest reads, and why'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l type -xka "pv pv32 hvm pvh" -d 'hvm where it is not said'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l featureset -x -d 'what the toolstack levels it to'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l nested -d 'it may run virtual machines itself'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l no-pae -d 'pae=0, platform:pae=0'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l no-nx -d platform:nx=0
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l nomigrate -d 'it never migrates, so it has ITSC'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l emulated-tsc -d 'tsc_mode="always_emulate"'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l shadow -d 'without nested paging: hap=0'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l restore -d 'it comes from a stream without a policy, so from Xen 4.13 or older'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l stream -xka "(__xenops_cpu_words host)" -d 'what it had where it comes from (a file, a suspend image, a text): it is restored, and told is what it finds changed'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l cores-per-socket -x -d 'XenServer'"'"'s libxc only'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l cpuid -x -d 'xl'"'"'s cpuid=: "host,sse3=0,...", or a xend string; several of these may be given'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l xl -xka "(__fish_complete_path (commandline -ct))" -d 'an xl.cfg to take the settings from'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l toolstack -xka "xl xapi" -d 'who makes it (xapi where the host is XenServer or XCP-ng, else xl)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l xcp-ng -d 'XCP-ng'"'"'s xenguest, which shows nested virtualisation'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l leaves -d 'leaves, as xen-cpuid -p prints them'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l text -d 'the text form (docs/decoding.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l guest -d 'what its CPUID instructions return'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l explain -xka "(__xenops_cpu_words feature)" -d 'why it has a feature, or not'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l diff -xka "(__xenops_cpu_words host)" -d 'what differs in another policy'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l json -d 'for programs (docs/json.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l vcpus -x -d 'how many it has'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l vcpu -x -d 'which one asks'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l xcr0 -x -d 'as the guest has set it'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l pku -d 'CR4.PKE is set'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l apic-off -d 'the APIC is off in MSR 1bh'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l 32-bit -d 'not in long mode'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm' -l viridian -x -d 'as xl'"'"'s viridian=, with commas; defaults, all, !GROUP'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using vm; and test $_shtab_xenops_cpu_npos -eq 0' -ka "(__xenops_cpu_words host)" -d HOST
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a call -d 'call any method of a running service'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using call' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using call' -l wire -xka "xmlrpc jsonrpc" -d wire
complete -c xenops-cpu -n '_shtab_xenops_cpu_using call' -l socket -xka "(__fish_complete_path (commandline -ct))" -d 'where the service listens'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using call' -l switch -xka "(__fish_complete_path (commandline -ct))" -d 'call over the message switch instead, in JSON (/var/run/message-switch/sock)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using call' -l queue -x -d 'the service'"'"'s queue there (org.xen.xapi.xenops.cpu)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using call' -l timeout -x -d SECONDS
complete -c xenops-cpu -n '_shtab_xenops_cpu_using call; and test $_shtab_xenops_cpu_npos -eq 0' -ka "(__xenops_cpu_words method)" -d METHOD
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a simulate -d 'what a Xen release would offer on any CPU, and why'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -l cpu -xka "(__xenops_cpu_words cpu)" -d 'a shipped CPU (xenops-cpu cpus lists them), CPU+MICROCODE too'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -l dump -xka "(__fish_complete_path (commandline -ct))" -d 'a CPU from a file: a dump of InstLatx64 or libcpuid, a capture, records as JSON'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -l xen -xka "(__xenops_cpu_words release)" -d '4.13 to 4.22, master, xenserver-8.2, xenserver-8 (default: 4.17)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -l xen-cmdline -x -d 'Xen'"'"'s boot options'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -l microcode -x -d 'newest (public; the default of --cpu), as-dumped, a revision (0x5003605), a date (2023-08), a package (microcode-20230808) or xcp-ng-8.3'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -l msr -x -d 'a register'"'"'s value, both in hex, such as 10a=8000000; may be repeated'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -l no-hvm -d 'as with VT-x or SVM switched off in firmware'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -l as-bare-metal -d 'as if no hypervisor ran below this machine'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -l explain -xka "(__xenops_cpu_words feature)" -d 'the steps that set or cleared bits; of these features, where names are given'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -l corpus -xka "(__fish_complete_path (commandline -ct))" -d 'many CPUs: records as JSON, one a line'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using simulate' -l json -d 'for programs (docs/json.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a cpus -d 'the CPUs that are shipped, and what each microcode update made of them'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using cpus' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using cpus' -l json -d 'for programs (docs/json.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using cpus; and test $_shtab_xenops_cpu_npos -eq 0' -ka "(__xenops_cpu_words cpu)" -d 'one CPU, with its history'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a check -d 'may this VM boot, resume or migrate there? what is missing, why, what to do'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using check' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using check' -l type -xka "(__xenops_cpu_words type)" -d 'pv, hvm or pvh: the guests meant, and what a bare featureset is of (hvm)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using check' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names and rules count where a record does not tell, such as 4.17 or xenserver-8; what cpu:NAME is simulated under'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using check' -l json -d 'for programs (docs/commands-pools.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using check' -l any -d 'exit code of the best verdict: is there any host?'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using check' -l details -d 'reasons and remedies for more than 4 pairs'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using check' -l brief -d 'verdicts only, for any number'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using check' -l hex -d 'featuresets in hex as well'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using check' -l notes -d 'all that is known of where the hosts come from'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using check; and test $_shtab_xenops_cpu_npos -eq 0' -ka "(__xenops_cpu_words host)" -d 'a VM: its last-boot record (file or text), a featureset, a suspend image, the name of one in a file that is given for its hosts; '"'"'new'"'"' for one that is shut down; a host stands for a VM that was started there'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using check; and test $_shtab_xenops_cpu_npos -ge 1' -ka "(__xenops_cpu_words host)" -d 'a host: file (capture, bug report, xe or xen-cpuid output, xapi database), socket, example:NAME, cpu:NAME[@RELEASE], simulated, or a featureset; NAME=HOST gives it a name, FILE#NAME takes one of many; @FILE: arguments from a file, one a line'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a level -d 'what a pool'"'"'s hosts can all give, who costs it what, what is lost'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using level' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using level' -l type -xka "(__xenops_cpu_words type)" -d 'pv, hvm or pvh: the guests meant, and what a bare featureset is of (hvm)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using level' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names and rules count where a record does not tell, such as 4.17 or xenserver-8; what cpu:NAME is simulated under'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using level' -l json -d 'for programs (docs/commands-pools.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using level' -l reasons -d 'why each feature is lost'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using level' -l names -d 'all features of the level by name'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using level' -l hex -d 'featuresets in hex as well'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using level' -l notes -d 'all that is known of where the hosts come from'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using level; and test $_shtab_xenops_cpu_npos -ge 0' -ka "(__xenops_cpu_words host)" -d 'a host: file (capture, bug report, xe or xen-cpuid output, xapi database), socket, example:NAME, cpu:NAME[@RELEASE], simulated, or a featureset; NAME=HOST gives it a name, FILE#NAME takes one of many; @FILE: arguments from a file, one a line'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a plan -d 'what changes for a pool and for which VMs when a host joins, leaves or is updated'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan' -l type -xka "(__xenops_cpu_words type)" -d 'pv, hvm or pvh: the guests meant, and what a bare featureset is of (hvm)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names and rules count where a record does not tell, such as 4.17 or xenserver-8; what cpu:NAME is simulated under'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan' -l json -d 'for programs (docs/commands-pools.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan' -l pool -xka "(__xenops_cpu_words host)" -d 'a host: file (capture, bug report, xe or xen-cpuid output, xapi database), socket, example:NAME, cpu:NAME[@RELEASE], simulated, or a featureset; NAME=HOST gives it a name, FILE#NAME takes one of many; @FILE: arguments from a file, one a line'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan' -l vm -xka "(__xenops_cpu_words host)" -d 'a VM: its last-boot record (file or text), a featureset, a suspend image, the name of one in a file that is given for its hosts; '"'"'new'"'"' for one that is shut down; a host stands for a VM that was started there'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan' -l to-xen -xka "(__xenops_cpu_words release)" -d 'update: the Xen it will run'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan' -l to-cmdline -x -d 'update: Xen'"'"'s boot options then'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan' -l hex -d 'featuresets in hex as well'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan' -l notes -d 'all that is known of where the hosts come from'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan; and test $_shtab_xenops_cpu_npos -eq 0' -ka "join leave update" -d change
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan; and test $_shtab_xenops_cpu_npos -eq 1' -ka "(__xenops_cpu_words host)" -d 'who joins (any HOST), leaves or is updated'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using plan; and test $_shtab_xenops_cpu_npos -eq 2' -ka "(__xenops_cpu_words host)" -d 'update: what the host will be'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a split -d 'the best partition of hosts into sub-pools when one level costs too much'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using split' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using split' -l type -xka "(__xenops_cpu_words type)" -d 'pv, hvm or pvh: the guests meant, and what a bare featureset is of (hvm)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using split' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names and rules count where a record does not tell, such as 4.17 or xenserver-8; what cpu:NAME is simulated under'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using split' -l json -d 'for programs (docs/commands-pools.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using split' -l parts -x -d 'at most so many sub-pools (default: 1, 2, 3, …)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using split' -l hex -d 'featuresets in hex as well'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using split; and test $_shtab_xenops_cpu_npos -ge 0' -ka "(__xenops_cpu_words host)" -d 'a host: file (capture, bug report, xe or xen-cpuid output, xapi database), socket, example:NAME, cpu:NAME[@RELEASE], simulated, or a featureset; NAME=HOST gives it a name, FILE#NAME takes one of many; @FILE: arguments from a file, one a line'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a audit -d 'stored records of hosts, pools and VMs held to what they should be'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using audit' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using audit' -l type -xka "(__xenops_cpu_words type)" -d 'pv, hvm or pvh: the guests meant, and what a bare featureset is of (hvm)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using audit' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names and rules count where a record does not tell, such as 4.17 or xenserver-8; what cpu:NAME is simulated under'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using audit' -l json -d 'for programs (docs/commands-pools.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using audit' -l host -xka "(__xenops_cpu_words host)" -d 'what Xen says now: socket, capture, cpu:NAME@RELEASE; matched by name if several'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using audit' -l pool-record -xka "(__xenops_cpu_words host)" -d 'the stored Pool.cpu_info'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using audit' -l vm -xka "(__xenops_cpu_words host)" -d 'a VM: its last-boot record (file or text), a featureset, a suspend image, the name of one in a file that is given for its hosts; '"'"'new'"'"' for one that is shut down; a host stands for a VM that was started there'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using audit; and test $_shtab_xenops_cpu_npos -ge 0' -ka "(__xenops_cpu_words host)" -d 'stored records: xapi'"'"'s database, what xe host-cpu-info, host-param-list, pool-param-list or vm-param-list prints, or such text itself; NAME=RECORD names it'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a emit -d 'configuration text that gives a guest a level, for xl, libvirt or xapi'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using emit' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using emit' -l type -xka "(__xenops_cpu_words type)" -d 'pv, hvm or pvh: the guests meant, and what a bare featureset is of (hvm)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using emit' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names and rules count where a record does not tell, such as 4.17 or xenserver-8; what cpu:NAME is simulated under'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using emit' -l json -d 'for programs (docs/commands-pools.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using emit' -l for -xka "(__xenops_cpu_words host)" -d 'the host that the guest will start on'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using emit' -l vm -x -d 'xapi: whose level it is'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using emit; and test $_shtab_xenops_cpu_npos -eq 0' -ka "xl libvirt xapi" -d form
complete -c xenops-cpu -n '_shtab_xenops_cpu_using emit; and test $_shtab_xenops_cpu_npos -ge 1' -ka "(__xenops_cpu_words host)" -d 'a host: file (capture, bug report, xe or xen-cpuid output, xapi database), socket, example:NAME, cpu:NAME[@RELEASE], simulated, or a featureset; NAME=HOST gives it a name, FILE#NAME takes one of many; @FILE: arguments from a file, one a line'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a report -d 'a pool as one HTML file: hosts, features, costs, losses, VMs'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using report' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using report' -l type -xka "(__xenops_cpu_words type)" -d 'pv, hvm or pvh: the guests meant, and what a bare featureset is of (hvm)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using report' -l xen -xka "(__xenops_cpu_words release)" -d 'whose names and rules count where a record does not tell, such as 4.17 or xenserver-8; what cpu:NAME is simulated under'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using report' -l json -d 'for programs (docs/commands-pools.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using report' -l html -xka "(__fish_complete_path (commandline -ct))" -d 'the file to write (default: standard output)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using report' -l vm -xka "(__xenops_cpu_words host)" -d 'a VM: its last-boot record (file or text), a featureset, a suspend image, the name of one in a file that is given for its hosts; '"'"'new'"'"' for one that is shut down; a host stands for a VM that was started there'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using report' -l title -x -d 'the heading (default: names the hosts)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using report; and test $_shtab_xenops_cpu_npos -ge 0' -ka "(__xenops_cpu_words host)" -d 'a host: file (capture, bug report, xe or xen-cpuid output, xapi database), socket, example:NAME, cpu:NAME[@RELEASE], simulated, or a featureset; NAME=HOST gives it a name, FILE#NAME takes one of many; @FILE: arguments from a file, one a line'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a watch -d 'a live pool: which CPU features come and go, by name, as it happens'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using watch' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using watch' -l json -d 'a JSON line for each change'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using watch' -l hook -xka "(__fish_complete_path (commandline -ct))" -d 'run this for each change, with the JSON line on its standard input (no shell)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using watch' -l raise-messages -d 'raise messages in the pool; needs the role pool-operator'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using watch' -l password-file -xka "(__fish_complete_path (commandline -ct))" -d 'its first line is the password; a file that others may read is refused'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using watch' -l netrc -xka "(__fish_complete_path (commandline -ct))" -d 'instead of ~/.netrc'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using watch' -l fingerprint -x -d 'the certificate must be this one (or one of these, if given again)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using watch' -l insecure -d 'take any certificate, and say so each time'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using watch' -l timeout -x -d 'for a whole answer (300); a connection gets 10'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a read -d 'what bug reports, xen-cpuid'"'"'s output, dumps and suspend images tell'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using read' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using read' -l to -xka "(__fish_complete_directories)" -d 'write a capture of each host there'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using read' -l xen -xka "(__xenops_cpu_words release)" -d 'to simulate dumps of CPUs under (default: 4.17)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using read' -l json -d 'for programs (docs/reading.md)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using read; and test $_shtab_xenops_cpu_npos -ge 0' -ka "(__fish_complete_path (commandline -ct))" -d 'a file or a folder'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a capture -d 'write all that is known of this host to a file'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture' -l source -xka "(__xenops_cpu_words source)" -d 'where featuresets come from: xen, xen-cpuid, simulated, cpu:NAME[+MICROCODE][@RELEASE] (`xenops-cpu cpus` lists them), example:NAME or recorded:FILE; xen on a Xen host if not given, else simulated'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture' -l boot-cpuinfo -xka "(__fish_complete_path (commandline -ct))" -d 'a copy of /proc/cpuinfo made at boot; used in its place where it is there (/etc/xensource/boot_time_cpus)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture' -l cpu -xka "(__xenops_cpu_words cpu)" -d 'a shipped CPU (xenops-cpu cpus lists them), CPU+MICROCODE too'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture' -l dump -xka "(__fish_complete_path (commandline -ct))" -d 'a CPU from a file: a dump of InstLatx64 or libcpuid, a capture, records as JSON'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture' -l xen -xka "(__xenops_cpu_words release)" -d '4.13 to 4.22, master, xenserver-8.2, xenserver-8 (default: 4.17)'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture' -l xen-cmdline -x -d 'Xen'"'"'s boot options'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture' -l microcode -x -d 'newest (public; the default of --cpu), as-dumped, a revision (0x5003605), a date (2023-08), a package (microcode-20230808) or xcp-ng-8.3'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture' -l msr -x -d 'a register'"'"'s value, both in hex, such as 10a=8000000; may be repeated'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture' -l no-hvm -d 'as with VT-x or SVM switched off in firmware'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture' -l as-bare-metal -d 'as if no hypervisor ran below this machine'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using capture; and test $_shtab_xenops_cpu_npos -eq 0' -ka "(__fish_complete_path (commandline -ct))" -d 'the file to write; - is standard output'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using; and test $_shtab_xenops_cpu_npos -eq 0' -a completion -d 'completion of commands and options for bash, zsh or fish'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using completion' -s h -l help -d 'show this help message and exit'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using completion' -l words -x -d 'what may continue TEXT; KIND: host, source, cpu, feature, release, method, type'
complete -c xenops-cpu -n '_shtab_xenops_cpu_using completion; and test $_shtab_xenops_cpu_npos -eq 0' -ka "bash zsh fish" -d 'bash, zsh or fish'

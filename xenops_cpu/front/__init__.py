"""The library: what `import xenops_cpu` gives. docs/library.md goes through it.

- A HOST is what it is on the command line: a file of any format that docs/reading.md lists, the
  socket of a service, `example:NAME`, `cpu:NAME@RELEASE`, `xapi://USER@HOST`, `xen`, `simulated`, a
  featureset; or a host that was read already. So is a VM.
- A guest type is "hvm", "pv", "pvh", "pv_in_pvh" or a GuestType; a release "4.17", "xenserver-8",
  "xcp-ng-8.3" or a Release.
- What is refused is an Error. What a person should see whatever the answer is (a damaged file,
  sources that say different things of one host) is an InputWarning, of Python's warnings.
- Nothing is kept: each call reads anew what it is given by name.
"""

"""What the tools of Xen print, read: xen-cpuid and xl info, as a command or as a file has it."""

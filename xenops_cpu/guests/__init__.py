"""One VM's whole CPU policy, as Xen and libxc make it, and what its guest then reads.

`hypervisor` is what a host decides from, `setting` creates a domain and sets its policy, `libxc`
applies a toolstack's wishes, `recalculation` is what Xen does with every policy that it is given,
`instruction` and `msrs` say what the guest reads. Nothing here asks a running Xen.
"""

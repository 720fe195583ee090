"""What this host was before: each fingerprint with its time, what changed, and the likely cause.

surroundings and fingerprint say what is compared, causes what may have changed it; store keeps it,
recorder does so while the service answers, hook tells others.
"""

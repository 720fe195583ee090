"""What operators watch: counts and times of calls, what the host gives, how the service is.

measures keeps the numbers, exposition writes them as text for monitoring, file puts that text where
node_exporter finds it.
"""

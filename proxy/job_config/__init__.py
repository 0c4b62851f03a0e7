"""What a job configuration means, without I/O: defaults, normal forms, the order of the echo, updates, memory.

Whether a configuration is allowed at all is decided in proxy/api/rules; where it is kept, in proxy/store/jobs.py.
"""

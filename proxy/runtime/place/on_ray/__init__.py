"""Places on the machines of a Ray cluster.

``actor`` is what runs there, and needs no Ray itself; ``place`` is our side of one actor, ``talk`` what the two say to
each other, ``cluster`` the connection that all places share. Only the latter three load Ray, and only where the
settings ask for it: see ``making``, beside this package.
"""

"""What is deleted because nobody needs it any longer: on demand, and each night.

``expiry`` does it job by job, ``orphans`` finds what belongs to nobody, ``nights`` tells when, ``upkeep`` is the owner.
"""

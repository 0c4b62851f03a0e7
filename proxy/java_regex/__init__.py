"""Regular expressions of users, written in Java's syntax as Elasticsearch reads them, and run by RE2.

RE2 matches in time linear in the text, whatever the pattern: a user's `(a+)+z` must not stop a model's process.
A leaf: used where configurations are checked and where their patterns run.

    compile_java(pattern, flags="") -> Pattern   raises InvalidPattern, or UnsupportedPattern (both ValueError)
    java_replacement(text, pattern) -> Replacement
    compile_linear(pattern)                      an expression of ours, put together from what users gave

Where RE2 has another meaning for a construct, it is rewritten (translate.py, classes.py); what cannot be said in it
without another meaning is refused, with what to write instead (errors.py). docs/patterns.md lists both.
"""

from proxy.java_regex.errors import InvalidPattern, UnsupportedPattern
from proxy.java_regex.pattern import Pattern, compile_java, compile_linear
from proxy.java_regex.replacement import Replacement, java_replacement

__all__ = [
    "InvalidPattern",
    "Pattern",
    "Replacement",
    "UnsupportedPattern",
    "compile_java",
    "compile_linear",
    "java_replacement",
]

"""Credentials as people write them: into the addresses of hosts, where they are taken out, and into ``--user``."""

from __future__ import annotations

import getpass
import re
from collections.abc import Sequence
from urllib.parse import unquote

_URL = re.compile(r"(?P<scheme>[^/]*//)(?:(?P<userinfo>[^/]*)@)?(?P<rest>.*)", re.DOTALL)
_UP_TO_AT = re.compile(r'[^"]*@')


class UnusableCredentials(ValueError):
    """They contradict each other or cannot be read; the text is one sentence without them."""


def taken_out(hosts: Sequence[str]) -> tuple[list[str], str | None, str | None]:
    """The hosts without credentials, and the username and password that stood in them."""
    bare, found = [], set()
    for host in hosts:
        parts = _URL.fullmatch(host)
        if parts is None or "@" in parts["rest"]:
            raise UnusableCredentials("[elasticsearch.hosts] must have [/] in a username or password written as [%2F]")
        bare.append(parts["scheme"] + parts["rest"])
        if parts["userinfo"]:
            username, colon, password = parts["userinfo"].partition(":")
            found.add((unquote(username), unquote(password) if colon else None))
    if len(found) > 1:
        raise UnusableCredentials("[elasticsearch.hosts] must name one username and password but name several")
    username, password = found.pop() if found else (None, None)
    return bare, username, password


def agreed(setting: str, given: str | None, in_hosts: str | None) -> str | None:
    """A setting that may stand in the hosts as well, if both say the same."""
    if given is not None and in_hosts is not None and given != in_hosts:
        raise UnusableCredentials(f"[{setting}] and [elasticsearch.hosts] must not differ: give one of them")
    return in_hosts if given is None else given


def masked(text: str) -> str:
    """A text about settings in which whatever could be credentials of a host is covered."""
    return _UP_TO_AT.sub("********@", text)


def name_and_password(user: str) -> tuple[str, str]:
    """Of ``name:password`` as a command takes it; a name alone is asked for its password."""
    name, colon, password = user.partition(":")
    return name, password if colon else getpass.getpass(f"Password of {name}: ")

"""Jobs brought from Kibana and taken back, and those that come with Lanewatch: `lanewatch import` and `export`.

A user of the API like any other: nothing here knows the server from inside.
"""

from proxy.transfer.commands import run_export, run_import
from proxy.transfer.ready_made import ready_made
from proxy.transfer.server import Address, Refused, Server
from proxy.transfer.shapes import Unreadable

__all__ = ["Address", "Refused", "Server", "Unreadable", "ready_made", "run_export", "run_import"]

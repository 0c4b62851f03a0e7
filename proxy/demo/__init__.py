"""The demo: a year of real flights through three jobs, and the days on which something went wrong.

It talks to the proxy as any client does, with the official Elasticsearch client.
"""

from proxy.demo.run import run

__all__ = ["run"]

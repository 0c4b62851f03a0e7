"""A local single-node Elasticsearch for `lanewatch up`, the demo and the tests.

build.py finds the software, java.py what runs it, account.py as whom, node.py starts and stops it.
Nothing here speaks for the proxy: a running cluster is only an address to everybody else.
"""

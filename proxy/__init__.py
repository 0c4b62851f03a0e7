"""Lanewatch: Elasticsearch's anomaly-detection API in front of any Elasticsearch.

The parts live below; `proxy.app` assembles them and `proxy.cli` starts them.
"""

__version__ = "0.1.0"

"""Everything about the cluster's indices: the only package that speaks the Elasticsearch client.

``Store`` puts its parts together; each part owns one kind of document.
"""

from __future__ import annotations

from proxy.config import Config
from proxy.store.client import ClusterClient
from proxy.store.datafeeds import Datafeeds
from proxy.store.forecasts import Forecasts
from proxy.store.job_removal import JobRemoval
from proxy.store.job_stats import JobStats
from proxy.store.job_tasks import JobTasks
from proxy.store.jobs import Jobs
from proxy.store.journal import Journal
from proxy.store.model_state import ModelStates
from proxy.store.names import Names
from proxy.store.nodes import Nodes
from proxy.store.notifications import Notifications
from proxy.store.results.read import Results
from proxy.store.results.write import ResultsWriter
from proxy.store.setup import Indices
from proxy.store.snapshots import Snapshots
from proxy.store.upgrade_mode import UpgradeMode

__all__ = ["Store"]


class Store:
    """The parts of the store, sharing one client."""

    def __init__(self, config: Config) -> None:
        self.client = ClusterClient(config.elasticsearch)
        self.names = Names(config.indices)
        self.indices = Indices(self.client, self.names)
        self.jobs = Jobs(self.client, self.names)
        self.datafeeds = Datafeeds(self.client, self.names)
        self.job_stats = JobStats(self.client, self.names)
        self.nodes = Nodes(self.client)
        self.tasks = JobTasks(self.client, self.names)
        self.results_write = ResultsWriter(self.client, self.names)
        self.results = Results(self.client, self.names)
        self.snapshots = Snapshots(self.client, self.names, self.results)
        self.forecasts = Forecasts(self.client, self.names)
        self.model_states = ModelStates(self.client, self.names)
        self.notifications = Notifications(self.client, self.names)
        self.journal = Journal(self.client, self.names)
        self.upgrade_mode = UpgradeMode(self.client, self.names)
        self.removal = JobRemoval(self.client, self.names, self.jobs, self.journal)

    async def close(self) -> None:
        await self.client.close()

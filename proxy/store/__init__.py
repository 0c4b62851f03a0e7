"""Everything about the cluster's indices: the only package that speaks the Elasticsearch client.

``Store`` puts its parts together; each part owns one kind of document. Whoever serves requests uses what is named
here and nothing from further inside.
"""

from __future__ import annotations

from proxy.config import Config
from proxy.store.alerting.alerts import Alerts
from proxy.store.alerting.connectors import Connector, Connectors, StoredConnector
from proxy.store.alerting.deliveries import Deliveries
from proxy.store.alerting.final_results import FinalResults
from proxy.store.alerting.health_facts import HealthFacts
from proxy.store.alerting.messages import Delivery
from proxy.store.alerting.progress import AlertProgress
from proxy.store.alerting.rules import AlertRules
from proxy.store.annotations import Annotations
from proxy.store.api_keys import ApiKeys
from proxy.store.calendars import Calendar, Calendars, Event, unknown_calendar, without_jobs
from proxy.store.calendars import by_time as events_by_time
from proxy.store.calls import OnCall, tell_nobody
from proxy.store.client import ClusterClient, ClusterFacts, Json, opaque_id
from proxy.store.datafeed_stats import DatafeedStats
from proxy.store.datafeed_tasks import DatafeedTask, DatafeedTasks
from proxy.store.datafeeds import Config as DatafeedConfig
from proxy.store.datafeeds import Datafeeds, StoredDatafeed
from proxy.store.drained_places import DrainedPlaces
from proxy.store.expired import Expired
from proxy.store.extraction.grouped import GroupedSearches
from proxy.store.extraction.preview import preview as preview_source
from proxy.store.extraction.readiness import check_readable
from proxy.store.fence import Fence, NotLeading, TermFence, lease_index, term_alias
from proxy.store.filters import Filter, Filters, StoredFilter, filter_of
from proxy.store.finished_buckets import FinishedBuckets
from proxy.store.forecasts import Forecasts, wants_all
from proxy.store.job_removal import JobRemoval
from proxy.store.job_stats import JobStats, StoredStats
from proxy.store.job_tasks import JobTask, JobTasks
from proxy.store.jobs import Config as JobConfig
from proxy.store.jobs import Jobs, StoredJob, id_is_taken
from proxy.store.journal import Journal
from proxy.store.lease import Peer, machine_name
from proxy.store.left_behind import LeftBehindReader
from proxy.store.maintenance import Maintenance
from proxy.store.model_state import ModelStates
from proxy.store.names import Names
from proxy.store.nodes import Nodes
from proxy.store.notifications import Notifications
from proxy.store.orphans import Orphans
from proxy.store.overall.reduce import OverallBuckets
from proxy.store.overall.request import OverallRequest
from proxy.store.query_check import check_query
from proxy.store.results import docs as result_docs
from proxy.store.results import pages as result_pages
from proxy.store.results import queries as result_queries
from proxy.store.results.docs import MODEL_SIZE_STATS
from proxy.store.results.document_struct import Pages
from proxy.store.results.document_table import to_time
from proxy.store.results.queries import Page, ResultFilter
from proxy.store.results.read import PART_OF_PAGE, Hit, Results
from proxy.store.results.write import ResultsWriter
from proxy.store.setup import Indices
from proxy.store.snapshots import EMPTY, Snapshots, empty_snapshot
from proxy.store.upgrade_mode import UpgradeMode

__all__ = [
    "EMPTY",
    "MODEL_SIZE_STATS",
    "PART_OF_PAGE",
    "Calendar",
    "ClusterClient",
    "ClusterFacts",
    "Connector",
    "DatafeedConfig",
    "DatafeedTask",
    "Delivery",
    "Event",
    "Filter",
    "Hit",
    "JobConfig",
    "JobTask",
    "Json",
    "NotLeading",
    "OverallBuckets",
    "OverallRequest",
    "Page",
    "Pages",
    "Peer",
    "ResultFilter",
    "Store",
    "StoredConnector",
    "StoredDatafeed",
    "StoredFilter",
    "StoredJob",
    "StoredStats",
    "TermFence",
    "check_query",
    "check_readable",
    "empty_snapshot",
    "events_by_time",
    "filter_of",
    "id_is_taken",
    "machine_name",
    "opaque_id",
    "preview_source",
    "result_docs",
    "result_pages",
    "result_queries",
    "store_of_term",
    "to_time",
    "unknown_calendar",
    "wants_all",
    "without_jobs",
]


class Store:
    """The parts of the store, sharing one client."""

    def __init__(self, config: Config, on_call: OnCall = tell_nobody, fence: Fence | None = None) -> None:
        """``on_call`` is told of every request to the cluster; for ``fence`` see ``ClusterClient``."""
        self.client = ClusterClient(config.elasticsearch, on_call, fence)
        self.names = Names(config.indices)
        self.indices = Indices(self.client, self.names)
        self.jobs = Jobs(self.client, self.names)
        self.datafeeds = Datafeeds(self.client, self.names)
        self.calendars = Calendars(self.client, self.names)
        self.filters = Filters(self.client, self.names)
        self.datafeed_tasks = DatafeedTasks(self.client, self.names)
        self.datafeed_stats = DatafeedStats(self.client, self.names)
        self.grouped_searches = GroupedSearches(self.client)
        self.finished_buckets = FinishedBuckets(self.client, self.names)
        self.annotations = Annotations(self.client, self.names, self.indices.ensure_own)
        self.api_keys = ApiKeys(self.client)
        self.job_stats = JobStats(self.client, self.names)
        self.nodes = Nodes(self.client)
        self.tasks = JobTasks(self.client, self.names)
        self.results_write = ResultsWriter(self.client, self.names)
        self.results = Results(self.client, self.names)
        self.snapshots = Snapshots(self.client, self.names, self.results)
        self.forecasts = Forecasts(self.client, self.names)
        self.model_states = ModelStates(self.client, self.names, self.indices.ensure_own)
        self.notifications = Notifications(self.client, self.names, self.indices.ensure_own)
        self.journal = Journal(self.client, self.names)
        self.left_behind = LeftBehindReader(self.client, self.names)
        self.upgrade_mode = UpgradeMode(self.client, self.names)
        self.drained_places = DrainedPlaces(self.client, self.names, self.indices.ensure_own)
        self.expired = Expired(self.client, self.names, self.results)
        self.orphans = Orphans(self.client, self.names)
        self.alert_rules = AlertRules(self.client, self.names)
        self.alert_progress = AlertProgress(self.client, self.names)
        self.alerts = Alerts(self.client, self.names, self.indices.ensure_alerting)
        self.final_results = FinalResults(self.client, self.names)
        self.health_facts = HealthFacts(self.client, self.names)
        self.maintenance = Maintenance(self.client, self.names)
        self.connectors = Connectors(self.client, self.names, self.indices.ensure_alerting)
        self.deliveries = Deliveries(self.client, self.names, self.indices.ensure_alerting)
        self.removal = JobRemoval(self.client, self.names, self.jobs, self.journal, self.calendars)

    async def close(self) -> None:
        await self.client.close()


def store_of_term(config: Config, on_call: OnCall, term: str | None) -> Store:
    """For a process that works for the leader of a term, who ends it; without one as other tools."""
    if term is None:
        return Store(config, on_call)

    async def goes_on() -> bool:
        base = config.indices.config
        return await store.client.exists(f"/{lease_index(base)}/_alias/{term_alias(base, term)}")

    store = Store(config, on_call, TermFence(config.indices.config, goes_on, term))
    return store

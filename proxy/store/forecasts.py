"""Forecasts as documents: finding and deleting them. Making them is the runtime's matter."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.store.client import ClusterClient
from proxy.store.names import Names
from proxy.store.removal import all_of, any_of, of_job, remove_matching
from proxy.store.results.queries import Query

_POINTS_FIRST = ["model_forecast", "model_forecast_request_stats"]
DONE = frozenset({"finished", "failed"})
STATISTICS: Query = {"term": {"result_type": "model_forecast_request_stats"}}


@dataclass(frozen=True, slots=True)
class Forecast:
    forecast_id: str
    is_done: bool


class Forecasts:
    """Forecasts of jobs, wherever their read aliases lead."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._names = names

    async def matching(self, job_id: str, expression: str) -> list[Forecast]:
        """The forecasts that ids and wildcards, separated by commas, name; ``_all`` names every one."""
        query = all_of(of_job(job_id), STATISTICS, naming(expression))
        hits = await self._client.search_all(
            self._names.read_alias(job_id), query, source=["forecast_id", "forecast_status"], sort=["forecast_id"]
        )
        sources = [hit["_source"] for hit in hits]
        return [Forecast(str(source["forecast_id"]), source.get("forecast_status") in DONE) for source in sources]

    async def delete(self, job_id: str, forecast_ids: list[str]) -> None:
        """Removes the forecasts' points, then what is known about them."""
        for result_type in _POINTS_FIRST:
            of_type: Query = {"term": {"result_type": result_type}}
            query = all_of(of_job(job_id), of_type, {"terms": {"forecast_id": forecast_ids}})
            await remove_matching(self._client, self._names.read_alias(job_id), query)


def wants_all(expression: str) -> bool:
    return expression in ("", "_all", "*")


def naming(expression: str) -> Query:
    if wants_all(expression):
        return {"match_all": {}}
    tokens = [token.strip() for token in expression.split(",")]
    return any_of(*({"wildcard" if "*" in token else "term": {"forecast_id": token}} for token in tokens))

"""Whether a datafeed's query can be read: the cluster alone knows all queries that it has.

Rules that need no cluster are in ``api.rules.datafeed``.
"""

from __future__ import annotations

from proxy.errors import MlError
from proxy.job_config.datafeed import DEFAULT_QUERY
from proxy.job_config.datafeed_errors import query_is_not_parsable
from proxy.store.client import ClusterClient, ClusterError, Json, quote_expression
from proxy.store.names import Names

# It can be read, and looks something up that is not there, or that only the datafeed's own searches may see.
_LOOKS_UP = (403, 404)


async def check_query(client: ClusterClient, names: Names, query: Json) -> None:
    """
    Raises:
        MlError: 400 for a query that no index could be asked.
    """
    if query == DEFAULT_QUERY:
        return
    # What a query means is another matter, and that of its index: any index can tell whether it is one.
    path = f"/{quote_expression(names.config_alias)}/_validate/query"
    params = {"explain": True, "ignore_unavailable": True}
    try:
        answer = await client.request("POST", path, params=params, body={"query": query}, retry=True)
    except ClusterError as error:
        if error.status in _LOOKS_UP:
            return
        raise
    if not answer["valid"] and "_shards" not in answer:
        # Behind the name of a class, which is always that of parsing errors.
        reason = str(answer.get("error", "")).partition(": ")[2]
        raise query_is_not_parsable(MlError("parsing_exception", reason, 400))

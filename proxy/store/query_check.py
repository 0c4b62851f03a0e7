"""Whether a datafeed's query can be read: the cluster alone knows all queries that it has.

Rules that need no cluster are in ``api.rules.datafeed``.
"""

from __future__ import annotations

from proxy.errors import MlError
from proxy.job_config.datafeed import DEFAULT_QUERY
from proxy.job_config.datafeed_errors import query_is_not_parsable
from proxy.store.client import ClusterClient, Json, quote_expression
from proxy.store.names import Names


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
    answer = await client.request("POST", path, params=params, body={"query": query}, retry=True)
    if not answer["valid"] and "_shards" not in answer:
        exception, _, reason = str(answer.get("error", "")).partition(": ")
        raise query_is_not_parsable(MlError(_type_of(exception), reason, 400))


def _type_of(exception: str) -> str:
    """The type that answers name an exception by; parsing errors are by far the most frequent here."""
    return "parsing_exception" if exception.endswith(".ParsingException") else "illegal_argument_exception"

"""The table of all kinds of connectors."""

from __future__ import annotations

from proxy.alerting.connectors.alertmanager import ALERTMANAGER
from proxy.alerting.connectors.email import EMAIL
from proxy.alerting.connectors.index import INDEX
from proxy.alerting.connectors.kind import ConnectorKind
from proxy.alerting.connectors.pagerduty import PAGERDUTY
from proxy.alerting.connectors.server_log import SERVER_LOG
from proxy.alerting.connectors.slack import SLACK
from proxy.alerting.connectors.webhook import WEBHOOK
from proxy.errors import illegal_argument

KINDS = {kind.id: kind for kind in (ALERTMANAGER, EMAIL, INDEX, PAGERDUTY, SERVER_LOG, SLACK, WEBHOOK)}


def kind_of(connector_type_id: str) -> ConnectorKind:
    """
    Raises:
        MlError: 400 for a type that there is not.
    """
    if connector_type_id not in KINDS:
        raise illegal_argument(f'Action type "{connector_type_id}" is not registered.')
    return KINDS[connector_type_id]

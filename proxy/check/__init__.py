"""What is wrong with a deployment: the questions of `lanewatch check`, a module for each kind.

Nothing is changed, neither here nor in the cluster. How findings are printed is ``commands``' matter.
"""

from __future__ import annotations

from proxy.check.finding import Finding, Level
from proxy.check.report import check
from proxy.check.rights import tell_missing_rights

__all__ = ["Finding", "Level", "check", "tell_missing_rights"]

"""Does an endpoint behave as the documented API? The scenarios that say so, and `lanewatch contract`, which runs them.

A user of the endpoint like any other, over plain HTTP: nothing here knows a server from inside. The tests of this
repository run the same scenarios by the same runner.
"""

from proxy.contract_kit.command import run_contract
from proxy.contract_kit.endpoint import ContractProblem

__all__ = ["ContractProblem", "run_contract"]

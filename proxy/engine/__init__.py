"""The detection engine: pure numpy and scipy; no I/O, no clock, no logging.

spec = engine_spec.spec_from(job)  # of proxy.job_config
engine = JobEngine(spec)
results = engine.add(Batch(time, text, numbers))
"""

from proxy.engine.forecast import Forecast, ForecastRefused
from proxy.engine.job import JobEngine
from proxy.engine.results import Batch, Column, Rescored, Results
from proxy.engine.spec import JobSpec
from proxy.engine.state import StateError

__all__ = [
    "Batch",
    "Column",
    "Forecast",
    "ForecastRefused",
    "JobEngine",
    "JobSpec",
    "Rescored",
    "Results",
    "StateError",
]

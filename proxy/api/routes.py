"""The table of operations: one row each, grouped by resource. A row's name is the name of its schema file."""

from __future__ import annotations

from proxy.api.operation import Operation

JOBS: tuple[Operation, ...] = ()

DATA: tuple[Operation, ...] = ()

RESULTS: tuple[Operation, ...] = ()

SNAPSHOTS: tuple[Operation, ...] = ()

FORECASTS: tuple[Operation, ...] = ()

ADMIN: tuple[Operation, ...] = ()

CAT: tuple[Operation, ...] = ()

OPERATIONS: tuple[Operation, ...] = JOBS + DATA + RESULTS + SNAPSHOTS + FORECASTS + ADMIN + CAT

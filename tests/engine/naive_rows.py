"""Open rows as dicts, series as a dict, tables as lists: the slow twins of rows.py, registry.py and columns.py."""

from __future__ import annotations


class NaiveOpenRows:
    """All open rows, each a dict of its time, texts (None = missing) and numbers."""

    def __init__(self):
        self.open = []

    def append(self, rows):
        self.open += [{name: None if value == "" else value for name, value in row.items()} for row in rows]

    def drop_before(self, time):
        gone = [row for row in self.open if row["time"] < time]
        self.open = [row for row in self.open if row["time"] >= time]
        return gone

    def drop_between(self, start, end):
        self.open = [row for row in self.open if not start <= row["time"] < end]


class NaiveRegistry:
    """(partition, by) -> when it last had data, in order of first appearance."""

    def __init__(self):
        self.active = {}

    def see(self, keys, time):
        """Rows of one bucket's keys, in their order; new ones are added sorted."""
        for key in sorted(set(keys)):
            self.active[key] = time
        names = list(self.active)
        return [names.index(key) for key in keys]

    def forget_before(self, time):
        self.active = {key: seen for key, seen in self.active.items() if seen >= time}


class NaiveTable:
    """One list of cells per series."""

    def __init__(self, cells, fill):
        self.cells, self.fill, self.series = cells, fill, []

    def grow_to(self, size):
        while len(self.series) < size:
            self.series.append([self.fill] * self.cells)

    def keep(self, rows):
        self.series = [self.series[row] for row in rows]

    def reset(self, rows):
        for row in rows:
            self.series[row] = [self.fill] * self.cells

    def shift(self, seconds, period):
        """Every cell takes what stood `seconds` later in the period, in whole cells."""
        by = round(seconds * self.cells / period)
        self.series = [[cells[(i + by) % self.cells] for i in range(self.cells)] for cells in self.series]

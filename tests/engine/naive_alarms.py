"""Alarms and runs of one series as lists: the slow twin of first_alarm, learn_alarm and the runs of events.py."""

from __future__ import annotations


class NaiveAlarms:
    """Every alarm that was raised, and every surprise."""

    def __init__(self):
        self.raised, self.surprises = [], []

    def heard(self, bucket, alarm):
        """The alarm, or 0 where the event it belongs to was already about as loud."""
        if self.raised and bucket - self.raised[-1][0] <= 150 and alarm <= self.raised[-1][1] + 0.5:
            return 0.0
        return alarm

    def learn(self, bucket, alarm, surprise):
        self.surprises.append(surprise)
        if alarm > 1.0:
            self.raised.append((bucket, alarm))

    def run(self):
        """Buckets up to now with p below 0.1, none between them."""
        length = 0
        for surprise in reversed(self.surprises):
            if surprise < 1.0:
                break
            length += 1
        return length

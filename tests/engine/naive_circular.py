"""Arrival times with lists and loops: the slow twin of proxy.engine.circular."""

from __future__ import annotations

import math

KERNEL = {-2: 1 / 9, -1: 2 / 9, 0: 3 / 9, 1: 2 / 9, 2: 1 / 9}
DAY = 86_400


class NaiveHabit:
    """One series: heights per slot and a few counters."""

    def __init__(self, slots):
        self.heights = [0.0] * slots
        self.sightings = self.surprises = self.distance_sum = self.distance_count = 0.0
        self.first = self.last = None


class NaiveCircular:
    """A dictionary of habits by row."""

    def __init__(self, is_weekly):
        self.period = 7 * DAY if is_weekly else DAY
        self.origin = 4 * DAY if is_weekly else 0
        self.slots = self.period // 900
        self.habits = {}

    def slot_of(self, time_s):
        return (time_s + self.origin) % self.period // 900

    def habit(self, row):
        return self.habits.setdefault(row, NaiveHabit(self.slots))

    def faded(self, habit, now):
        if habit.last is None:
            return 1.0
        return math.exp(-max(now - habit.last, 0) / (60 * self.period))

    def distance(self, heights, slot):
        found = [
            min((slot - other) % self.slots, (other - slot) % self.slots)
            for other in range(self.slots)
            if heights[other] > 0.05
        ]
        return min(found) if found else self.slots // 2

    def slot_probability(self, habit, slot, now):
        fade = self.faded(habit, now)
        heights = [height * fade for height in habit.heights]
        surprise = (3 * habit.surprises + 1) / (habit.sightings + 2)
        own = heights[slot]
        age = 0 if habit.first is None else now - habit.first
        if own > 0.05:
            limit = (own + math.sqrt(own)) * (1 + 1e-9)
            p = sum(h for h in heights if h <= limit) / (habit.sightings + 2) + surprise
        else:
            scale = (habit.distance_sum + 2 * 4) / (habit.distance_count + 2)
            boldest = min(7, 3 * math.log(1 + age / self.period))
            far = min(max((self.distance(heights, slot) - 1) / scale, 0), boldest)
            p = surprise * math.exp(-far)
        damping = math.exp(-((age / self.period) ** 4))
        return min(1.0, p * (1 - damping) + damping)

    def score(self, rows, events):
        """events: (group, time); answers one probability a group."""
        now = max((time for _, time in events), default=0)
        answers = []
        for group, row in enumerate(rows):
            slots = {self.slot_of(time) for g, time in events if g == group}
            p = [self.slot_probability(self.habit(row), slot, now) for slot in slots]
            answers.append(1 - (1 - min(p)) ** len(p) if p else 1.0)
        return answers

    def learn(self, rows, events):
        if not events:
            return
        now = max(time for _, time in events)
        seen = sorted({(group, self.slot_of(time)) for group, time in events})
        for row in {rows[group] for group, _ in seen}:
            self.learn_row(self.habit(row), [slot for group, slot in seen if rows[group] == row], now)

    def learn_row(self, habit, slots, now):
        fade = self.faded(habit, now)
        habit.heights = [height * fade for height in habit.heights]
        habit.sightings *= fade
        habit.surprises *= fade
        habit.distance_sum *= fade
        habit.distance_count *= fade
        if habit.sightings > 0:
            new = [self.distance(habit.heights, s) for s in slots if habit.heights[s] <= 0.05]
        else:
            new = []
        habit.surprises *= (1 - 2 / (habit.sightings + 2)) ** len(slots)
        habit.surprises += len(new)
        if habit.first is not None and now - habit.first >= self.period:
            habit.distance_count += len(new)
            habit.distance_sum += sum(new)
        habit.sightings += len(slots)
        for slot in slots:
            for shift, share in KERNEL.items():
                habit.heights[(slot + shift) % self.slots] += share
        habit.first = now if habit.first is None else habit.first
        habit.last = now

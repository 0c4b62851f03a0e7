"""Places of one series, point by point with loops: the slow twin of proxy.engine.geo."""

from __future__ import annotations

import math


def offset(point, centre):
    """Degrees north and east from centre to point."""
    east = (point[1] - centre[1] + 180) % 360 - 180
    return point[0] - centre[0], east * math.cos(math.radians(centre[0]))


def moved(centre, north, east):
    longitude = centre[1] + east / max(math.cos(math.radians(centre[0])), 1e-6)
    return min(max(centre[0] + north, -90), 90), (longitude + 180) % 360 - 180


class Cluster:
    """Weight, centre and scatter sums."""

    def __init__(self, centre):
        self.weight, self.centre, self.scatter = 1.0, centre, (0.0, 0.0, 0.0)

    def add_scatter(self, north, east, factor):
        a, b, c = self.scatter
        self.scatter = (a + north * north * factor, b + north * east * factor, c + east * east * factor)


class NaivePlaces:
    """One series."""

    def __init__(self):
        self.clusters, self.points, self.spread2 = [], 0, 0.0
        self.visits, self.distances = 0, []

    def mahalanobis2(self, cluster, point):
        prior = max(0.04 * self.spread2, 1e-6)
        a, b, c = cluster.scatter
        mass = cluster.weight + 1
        a, b, c = (a + prior) / mass + 1e-6, b / mass, (c + prior) / mass + 1e-6
        north, east = offset(point, cluster.centre)
        return max(0.0, (c * north**2 - 2 * b * north * east + a * east**2) / (a * c - b * b))

    def measured(self, point):
        """(how far out a point is, the weight of the cluster that is measured from)."""
        if not self.clusters:
            return 0.0, 0.0
        heaviest = max(cluster.weight for cluster in self.clusters)
        far = [(self.mahalanobis2(c, point) + 2 * math.log(heaviest / c.weight), c.weight) for c in self.clusters]
        squared, weight = min(far, key=lambda pair: pair[0])
        return math.sqrt(squared), weight

    def out(self, point):
        return self.measured(point)[0]

    def histogram(self):
        bins = [0.0] * 96
        for distance in self.distances:
            forgetting = max(1 / (sum(bins) + 50), 1 / 20_000)
            bins = [height * (1 - forgetting) for height in bins]
            bins[self.bin_of(distance)] += 1
        return bins

    @staticmethod
    def bin_of(distance):
        return min(max(math.floor((math.log2(max(distance, 1e-9)) + 2) * 4), 0), 95)

    def probability(self, points):
        """Of a bucket's points."""
        if not self.points:
            return 1.0
        bins = self.histogram()
        distance, weight = max((self.measured(point) for point in points), key=lambda pair: pair[0])
        total = sum(bins)
        edge_bin = next(i for i in range(96) if sum(bins[i + 1 :]) <= 0.02 * total)
        edge = 2.0 ** (-2 + (edge_bin + 1) / 4)
        in_tail = sum(bins[edge_bin + 1 :])
        logs = sum(bins[i] * math.log(2.0 ** (-2 + (i + 0.5) / 4) / edge) for i in range(edge_bin + 1, 96))
        hill = (logs + 8 * 0.22) / (in_tail + 8)
        edge_mass = (in_tail + 0.5) / (total + 1)
        own = self.bin_of(distance)
        beyond = sum(bins[own + 1 :])
        if distance > edge:
            empirical = max(edge_mass * (distance / edge) ** (-1 / hill), beyond / max(total, 1))
        else:
            empirical = max((beyond + 0.5 * bins[own] + 0.5) / (total + 1), edge_mass)
        freedoms = max(min(self.visits, weight) / 2, 2)
        imagined = (1 + distance**2 / freedoms) ** (-freedoms / 2)
        p = min(1.0, (20 * imagined + total * empirical) / (20 + total))
        p = max(p, 0.1 / (self.visits + 1) ** 2)
        return p ** min(1.0, (self.visits / 12) ** 2)

    def learn_bucket(self, points):
        if self.visits >= 12:
            self.distances.append(max(self.out(point) for point in points))
        self.visits += 1
        for point in points:
            self.learn(point)

    def learn(self, point):
        near = min(self.clusters, key=lambda c: self.mahalanobis2(c, point), default=None)
        is_near = near is not None and self.mahalanobis2(near, point) <= 16
        if self.clusters:
            home = max(self.clusters, key=lambda c: c.weight)
            north, east = offset(point, home.centre)
            self.spread2 += (north**2 + east**2 - self.spread2) / min(self.points + 1, 2000)
        for cluster in self.clusters:
            cluster.weight *= 1 - 1 / 2000
            cluster.scatter = tuple(part * (1 - 1 / 2000) for part in cluster.scatter)
        if is_near:
            self.join(near, point)
        else:
            if len(self.clusters) == 8:
                self.merge()
            self.clusters.append(Cluster(tuple(point)))
        self.points += 1

    @staticmethod
    def join(cluster, point):
        north, east = offset(point, cluster.centre)
        cluster.add_scatter(north, east, cluster.weight / (cluster.weight + 1))
        share = cluster.weight + 1
        cluster.centre = moved(cluster.centre, north / share, east / share)
        cluster.weight += 1

    def merge(self):
        best, pair = math.inf, None
        for i, one in enumerate(self.clusters):
            for two in self.clusters[i + 1 :]:
                north, east = offset(two.centre, one.centre)
                growth = one.weight * two.weight / (one.weight + two.weight) * (north**2 + east**2)
                if growth < best:
                    best, pair = growth, (one, two)
        one, two = pair
        north, east = offset(two.centre, one.centre)
        total = one.weight + two.weight
        one.scatter = tuple(a + b for a, b in zip(one.scatter, two.scatter, strict=True))
        one.add_scatter(north, east, one.weight * two.weight / total)
        one.centre = moved(one.centre, north * two.weight / total, east * two.weight / total)
        one.weight = total
        self.clusters.remove(two)

"""lat_long: places a series does not usually go to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.geo import Places, parse_points
from tests.engine.naive_geo import NaivePlaces

LONDON, PARIS, SYDNEY = (51.5, -0.12), (48.86, 2.35), (-33.87, 151.2)
POINT = st.tuples(
    st.sampled_from([LONDON, PARIS, SYDNEY, (0.0, 179.9)]),
    st.integers(-300, 300),
    st.integers(-300, 300),
).map(lambda p: (p[0][0] + p[1] * 7.1e-4, p[0][1] + p[2] * 6.3e-4))


def wandering(centres, count, jitter=0.02, seed=1):
    random = np.random.default_rng(seed)
    chosen = np.array(centres)[random.integers(0, len(centres), count)]
    return chosen + random.normal(0, jitter, (count, 2))


def places_of(*histories):
    places = Places()
    places.grow_to(len(histories))
    for row, history in enumerate(histories):
        for point in history:
            learn_one(places, point, row)
    return places


def learn_one(places, point, row=0):
    places.learn(np.array([row]), np.array([0]), np.array([point]))


def score_one(places, point, row=0):
    return places.score(np.array([row]), np.array([0]), np.array([point]))


@settings(max_examples=60, deadline=None)
@given(
    buckets=st.lists(st.lists(st.tuples(st.integers(0, 2), POINT), min_size=1, max_size=6), min_size=1, max_size=20),
    probes=st.lists(POINT, min_size=1, max_size=3),
)
def test_rows_agree_with_the_looping_twin(buckets, probes):
    places, twins, rows = Places(), [NaivePlaces() for _ in range(3)], np.arange(3)
    places.grow_to(3)
    for bucket in buckets:
        places.learn(rows, np.array([g for g, _ in bucket]), np.array([point for _, point in bucket]))
        for group in range(3):
            mine = [point for g, point in bucket if g == group]
            if mine:
                twins[group].learn_bucket(mine)
    scores = places.score(rows, np.repeat(rows, len(probes)), np.array(probes * 3))
    np.testing.assert_allclose(scores.probability, [t.probability(probes) for t in twins], rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(points=st.lists(POINT, min_size=2, max_size=40), cut=st.integers(0, 39))
def test_a_restored_state_goes_on_bit_exactly(points, cut):
    straight = places_of(np.array(points[:cut]).reshape(-1, 2))
    restored = Places.from_state(straight.state())
    for point in points[cut:]:
        first, second = score_one(straight, point), score_one(restored, point)
        assert first.probability.tobytes() == second.probability.tobytes()
        for places in (straight, restored):
            learn_one(places, point)


def test_a_third_city_is_unusual_for_a_commuter_between_two():
    places = places_of(wandering([LONDON, PARIS], 200))
    away = score_one(places, SYDNEY)
    assert away.probability[0] < 1e-5
    assert np.allclose(away.typical[0], PARIS, atol=0.1) or np.allclose(away.typical[0], LONDON, atol=0.1)
    assert score_one(places, LONDON).probability[0] > 0.3


def test_usual_wandering_rarely_alarms():
    history = wandering([LONDON, PARIS], 400, seed=4)
    places = places_of(history[:200])
    alarms = 0
    for point in history[200:]:
        alarms += score_one(places, point).probability[0] < 1e-3
        learn_one(places, point)
    assert alarms <= 1


def test_a_suburb_is_less_unusual_than_another_country():
    places = places_of(wandering([LONDON], 100))
    suburb, country = score_one(places, (51.6, 0.0)), score_one(places, PARIS)
    assert country.probability[0] < suburb.probability[0]
    assert country.probability[0] < 1e-4


def test_one_visit_abroad_does_not_make_it_a_usual_place():
    places = places_of(np.vstack([wandering([LONDON], 100), [SYDNEY]]))
    again = score_one(places, SYDNEY)
    assert 0.01 < again.probability[0] < 0.5
    assert np.allclose(again.typical[0], LONDON, atol=0.1)


def test_the_date_line_is_no_border():
    east = np.array([(10.0, 179.99), (10.0, -179.99)] * 50)
    places = places_of(east + np.random.default_rng(1).normal(0, 0.001, east.shape))
    assert score_one(places, (10.0, -179.9895)).probability[0] > 0.05


def test_the_farthest_point_of_a_bucket_is_what_is_shown():
    places = places_of(wandering([LONDON], 60))
    points = np.array([LONDON, SYDNEY, (np.nan, 1.0), LONDON])
    scores = places.score(np.array([0, 0]), np.array([0, 0, 1, 1]), points)
    assert scores.actual.tolist() == [list(SYDNEY), list(LONDON)]
    assert scores.probability[0] < 1e-4 < 0.1 < scores.probability[1]


def test_many_points_a_bucket_do_not_make_alarms():
    places, random, alarms = places_of(wandering([LONDON], 1)), np.random.default_rng(9), 0
    for bucket in range(150):
        points = np.array(LONDON) + random.normal(0, 0.02, (40, 2))
        group = np.zeros(40, np.int64)
        alarms += bucket > 40 and places.score(np.array([0]), group, points).probability[0] < 0.01
        places.learn(np.array([0]), group, points)
    assert alarms <= 3


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("51.5,-0.12", (51.5, -0.12)),
        (" 51 , 7 ", (51.0, 7.0)),
        ("-1e1,+.5", (-10.0, 0.5)),
        ("91,0", None),
        ("0,181", None),
        ("51.5", None),
        ("a,b", None),
        ("1.2.3,4", None),
        ("", None),
        ("nan,1", None),
    ],
)
def test_points_are_read_from_text(text, point):
    read = parse_points([text])[0]
    assert tuple(read) == point if point else np.isnan(read).all()


def test_nothing_is_claimed_about_a_new_series():
    places = places_of(wandering([LONDON], 2))
    assert score_one(places, SYDNEY).probability[0] > 0.05
    empty = Places()
    empty.grow_to(1)
    assert score_one(empty, SYDNEY).probability[0] == 1.0
    assert np.isnan(score_one(empty, SYDNEY).typical).all()


def test_missing_points_are_neither_scored_nor_learnt():
    places = places_of(wandering([LONDON], 30))
    before = places.state()
    learn_one(places, (np.nan, 1.0))
    assert all(np.array_equal(before[name], column) for name, column in places.state().items())
    assert score_one(places, (1.0, np.nan)).probability[0] == 1.0


def test_crowds_are_sampled_and_memory_stays_flat():
    places = places_of(wandering([LONDON], 1))
    before = places.nbytes
    crowd = wandering([LONDON, PARIS], 10_000)
    rows, people = np.zeros(10_000, np.int64), np.arange(10_000)
    for array in (crowd, rows, people):
        array.setflags(write=False)
    places.learn(rows, people, crowd)
    assert places.nbytes == before
    assert places.state()["points"][0] == places.state()["visits"][0] == 17
    assert places.score(rows, people, crowd).probability.mean() > 0.2


def test_rows_can_be_dropped_and_reset():
    places = places_of(wandering([LONDON], 50), wandering([PARIS], 50), wandering([SYDNEY], 50))
    places.keep(np.array([2, 0]))
    places.reset(np.array([1]))
    assert np.allclose(score_one(places, LONDON, row=0).typical[0], SYDNEY, atol=0.1)
    assert score_one(places, LONDON, row=1).probability[0] == 1.0

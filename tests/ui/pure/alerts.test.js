// Alerts: what is asked, and what the answers become.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { alertOf, alertsOf, cellAlerts, isAbout } from '../../../proxy/ui/alerts.js';
import { cellRange } from '../../../proxy/ui/lanes.js';
import { ALERTS_A_PAGE, alertsRequest, cellAlertsRequest, muteAlert, saveRule } from '../../../proxy/ui/queries-alerts.js';

const HOUR = 3_600_000;
const RANGE = { start: 10 * HOUR, end: 14 * HOUR };

function status(key, count, start, end = null) {
  return { key, doc_count: count, start: { value: start }, end: { value: end } };
}

function rule(key, name, durationMs, ...statuses) {
  return {
    key, doc_count: statuses.reduce((sum, each) => sum + each.doc_count, 0), statuses: { buckets: statuses },
    latest: { hits: { hits: [{ _source: { 'kibana.alert.rule.name': name, 'kibana.alert.duration.us': durationMs * 1000 } }] } },
  };
}

function answer(within, more = {}) {
  return { _shards: { total: 1 }, hits: { hits: [] }, aggregations: { last: { value: 99 }, within }, ...more };
}

test('the panel is one search, half-open in time and paged', () => {
  const { path, body } = alertsRequest({ alias: 'my-alerts', jobs: ['web'], range: RANGE, interval: HOUR, page: 3 });
  assert.equal(path, '/my-alerts/_search?ignore_unavailable=true');
  const times = body.post_filter.range['lanewatch.anomaly_timestamps'];
  assert.deepEqual([times.gte, times.lt, times.lte], [RANGE.start, RANGE.end, undefined]);
  assert.deepEqual(body.aggs.within.filter, body.post_filter);
  assert.equal(body.aggs.within.aggs.cells.date_histogram.fixed_interval, '1h');
  assert.deepEqual([body.from, body.size], [2 * ALERTS_A_PAGE, ALERTS_A_PAGE]);
});

test('a cell and the panel ask for the same times', () => {
  const { counts } = alertsOf(answer({ doc_count: 0, cells: { buckets: [] }, statuses: { buckets: [] }, rules: { buckets: [] } }), RANGE, HOUR);
  const cell = cellRange(counts, 1, 1);
  const asked = cellAlertsRequest('a', ['web'], cell).body.query.bool.filter.at(-1).range['lanewatch.anomaly_timestamps'];
  assert.deepEqual([asked.gte, asked.lt], [11 * HOUR, 12 * HOUR]);
});

test('alerts are counted in the cells of the lanes, and what lies outside in none', () => {
  const cells = [9, 10, 13, 14].map((hour) => ({ key: hour * HOUR, doc_count: hour }));
  const { counts } = alertsOf(answer({ doc_count: 3, cells: { buckets: cells }, statuses: { buckets: [] }, rules: { buckets: [] } }), RANGE, HOUR);
  assert.deepEqual([...counts.scores], [10, 0, 0, 13]);
});

test('every status is counted from one', () => {
  const statuses = { buckets: [{ key: 'untracked', doc_count: 1 }, { key: 'active', doc_count: 2 }] };
  const { statuses: counts } = alertsOf(answer({ doc_count: 3, cells: { buckets: [] }, statuses, rules: { buckets: [] } }), RANGE, HOUR);
  assert.deepEqual(counts, { active: 2, recovered: 0, untracked: 1 });
  assert.equal(cellAlerts({ aggregations: { statuses } }).total, 3);
});

test('rules with most active alerts come first, then with most, then with the longest', () => {
  const buckets = [
    rule('a', 'Few', 9000, status('recovered', 1, 5, 8)), rule('b', 'Long', 10_000, status('recovered', 1, 5, 8)),
    rule('c', 'Many', 1000, status('recovered', 3, 6, 9), status('untracked', 1, 7, 12)), rule('d', 'Active', 1000, status('active', 1, 42), status('recovered', 1, 50, 60)),
  ];
  const { rules } = alertsOf(answer({ doc_count: 9, cells: { buckets: [] }, statuses: { buckets: [] }, rules: { buckets } }), RANGE, HOUR);
  assert.deepEqual(rules.map(({ name }) => name), ['Active', 'Many', 'Long', 'Few']);
  assert.deepEqual(rules.map(({ since }) => since), [42, 12, 8, 8]);
  assert.deepEqual(rules[1].statuses, { active: 0, recovered: 3, untracked: 1 });
  assert.equal(rules[2].duration, 10_000);
});

test('an index that is not there is told apart from one without alerts', () => {
  const nothing = { doc_count: 0, cells: { buckets: [] }, statuses: { buckets: [] }, rules: { buckets: [] } };
  assert.equal(alertsOf(answer(nothing), RANGE, HOUR).isAbsent, false);
  const absent = alertsOf({ _shards: { total: 0 }, hits: { hits: [] } }, RANGE, HOUR);
  assert.deepEqual([absent.isAbsent, absent.total, absent.last], [true, 0, null]);
});

test('an alert shows its latest score, and dates in either form', () => {
  const alert = alertOf({ 'kibana.alert.anomaly_score': [50, 91.5], 'kibana.alert.start': '1970-01-01T00:00:01Z', 'kibana.alert.duration.us': 60_000_000 });
  assert.deepEqual([alert.score, alert.start, alert.end, alert.duration], [91.5, 1000, null, 60_000]);
  assert.equal(alertOf({ 'kibana.alert.start': 1, 'kibana.alert.anomaly_score': 7 }).score, 7);
});

test('a rule is about jobs by id, by group, or all', () => {
  const about = (jobSelection, job) => isAbout({ params: { jobSelection } }, job);
  assert.ok(about({ jobIds: ['*'] }, { job_id: 'x' }));
  assert.ok(about({ groupIds: ['shop'] }, { job_id: 'x', groups: ['shop'] }));
  assert.ok(!about({ jobIds: ['y'] }, { job_id: 'x', groups: ['y'] }));
  assert.ok(!isAbout({ params: { includeJobs: { jobIds: ['*'] } } }, { job_id: 'x' }));
});

test('ids stand in paths as they are', () => {
  assert.equal(muteAlert('r', 'web:host=a/b c', true).path, '/api/alerting/rule/r/alert/web%3Ahost%3Da%2Fb%20c/_mute');
  assert.deepEqual([saveRule(null, {}).method, saveRule('r', {}).method], ['POST', 'PUT']);
});

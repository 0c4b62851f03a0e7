// Rules: what a form becomes, and what an anomaly gives a new rule to begin with.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bodyOf as connectorBody, kindOf } from '../../../proxy/ui/connector-kinds.js';
import { newRuleLink } from '../../../proxy/ui/links.js';
import { bodyOf, conditionText, entityQuery, formOf, newAction, newForm, ruleOfCells, ruleOfRecord, severityUnder, watchedText } from '../../../proxy/ui/rule-body.js';
import { readState } from '../../../proxy/ui/state.js';

const RECORD = { job_id: 'web', record_score: 83.2, partition_field_name: 'host', partition_field_value: 'web-1', by_field_name: 'path', by_field_value: '/a"b\\' };

const RULE = {
  id: 'r', name: 'Storms', enabled: true, rule_type_id: 'xpack.ml.anomaly_detection_alert', tags: ['x'], schedule: { interval: '5m' },
  params: { jobSelection: { jobIds: ['web'], groupIds: ['shop'] }, severity: 50, resultType: 'record', lookbackInterval: '30m', kqlQueryString: 'actual > 5', lanewatch: { group_by: 'entity', records: 7, recover_after: 2 } },
  actions: [{ id: 'log', group: 'recovered', uuid: 'u', params: { message: 'm' } }], alert_delay: { active: 3 }, flapping: { look_back_window: 4 }, throttle: null,
};

test('a rule from an anomaly is a little below its score, in fives', () => {
  assert.deepEqual([83.2, 80, 79.9, 12, 3].map(severityUnder), [75, 75, 70, 5, 0]);
});

test('a rule from an anomaly is about its job and its entities', () => {
  const { jobs, score, group, kql } = ruleOfRecord(RECORD);
  assert.deepEqual([jobs, score, group], [['web'], 75, 'entity']);
  assert.equal(kql, 'partition_field_name: "host" and partition_field_value: "web-1" and by_field_name: "path" and by_field_value: "/a\\"b\\\\"');
  assert.equal(entityQuery({ job_id: 'web' }), '');
  assert.equal(ruleOfRecord({ job_id: 'web', record_score: 50 }).group, 'detector');
});

test('a rule from cells is about what their lanes are', () => {
  assert.deepEqual(ruleOfCells({ jobs: ['web'], score: 60, lanes: [] }), { jobs: ['web'], score: 55, type: 'bucket', group: 'job' });
  const { type, kql } = ruleOfCells({ jobs: ['web'], score: 60, lanes: [{ field: 'host', value: 'a' }, { field: 'host', value: '' }] });
  assert.deepEqual([type, kql], ['influencer', 'influencer_field_name: "host" and influencer_field_value: ("a" or "")']);
});

test('what a rule begins with comes back from its address', () => {
  const prefill = ruleOfRecord(RECORD);
  const { state, notices } = readState('rules', newRuleLink(prefill).split(/\?(.*)/s)[1]);
  assert.deepEqual(notices, []);
  assert.deepEqual({ jobs: state.job, score: state.score, type: state.type, group: state.group, kql: state.kql }, prefill);
  assert.equal(state.open, '*new');
});

test('a rule that is edited keeps what the form does not show', () => {
  const body = bodyOf({ ...formOf(RULE), score: 60 }, RULE);
  assert.equal(body.params.severity, 60);
  assert.equal(body.params.lookbackInterval, '30m');
  assert.deepEqual(body.params.lanewatch, { group_by: 'entity', records: 7, recover_after: 2 });
  assert.deepEqual([body.tags, body.schedule, body.alert_delay, body.flapping, body.actions], [['x'], RULE.schedule, RULE.alert_delay, RULE.flapping, RULE.actions]);
  assert.ok(!('rule_type_id' in body || 'consumer' in body || 'throttle' in body));
});

test('a new rule names its type, and asks of buckets only what they can be asked', () => {
  const body = bodyOf({ ...newForm({ type: 'bucket', group: 'entity', kql: 'a: b' }), name: ' Loud ' }, null);
  assert.deepEqual([body.name, body.rule_type_id, body.consumer], ['Loud', 'xpack.ml.anomaly_detection_alert', 'ml']);
  assert.deepEqual(body.params, {
    jobSelection: { jobIds: ['*'], groupIds: [] }, severity: 75, resultType: 'bucket', includeInterim: false, kqlQueryString: null, lanewatch: { group_by: 'job', recover_after: 1 },
  });
});

test('a rule about health selects jobs in its own way', () => {
  const health = { ...RULE, rule_type_id: 'xpack.ml.anomaly_detection_jobs_health', params: { includeJobs: { jobIds: ['*'] }, testsConfig: null } };
  assert.deepEqual(bodyOf({ ...formOf(health), jobs: ['web'] }, health).params, { includeJobs: { jobIds: ['web'], groupIds: [] }, testsConfig: null });
  assert.equal(watchedText(health), 'all jobs');
  assert.equal(newAction({ id: 'c', name: 'C', connector_type_id: '.slack' }, health.rule_type_id).group, 'anomaly_detection_realtime_issue');
});

test('a rule is told in words', () => {
  assert.equal(watchedText(RULE), 'web, group shop');
  assert.equal(conditionText(RULE), 'record score from 50, actual > 5');
});

test('a connector is sent with what was entered, each thing where it belongs', () => {
  const form = (id, values) => ({ name: ' Pager ', kind: kindOf(id), values });
  assert.deepEqual(connectorBody(form('.email', { host: 'smtp.example.org ', port: '587', from: 'a@b', secure: false, user: '', password: ' p ' })), {
    name: 'Pager', connector_type_id: '.email', config: { host: 'smtp.example.org', port: 587, from: 'a@b' }, secrets: { password: ' p ' },
  });
  assert.deepEqual(connectorBody(form('.alertmanager', { urls: 'http://a\n\n http://b ' })).config, { urls: ['http://a', 'http://b'] });
  assert.deepEqual(connectorBody(form('.server-log', { url: 'of the type before' })), { name: 'Pager', connector_type_id: '.server-log', config: {}, secrets: {} });
  assert.deepEqual(kindOf('.email').trial({ from: 'a@b' }).to, ['a@b']);
});

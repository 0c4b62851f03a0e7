// What answers about alerts become before they are drawn. Pure.

import { emptyLanes, put } from './model.js';

/** @import {Alert, LaneModel, Range, Rule} from './types.d.ts' */
/** @typedef {{active: number, recovered: number, untracked: number}} Statuses */
/**
 * @typedef {object} RuleAlerts the alerts of one rule
 * @property {string} id @property {string} name @property {Statuses} statuses @property {number} total
 * @property {number} since start of the latest active one, else end of the one that ended last
 * @property {number} duration of the latest, milliseconds
 */
/**
 * @typedef {object} Alerts
 * @property {boolean} isAbsent there is no index, as no rule was ever made, or it may not be read
 * @property {LaneModel} counts one lane, how many alerts each cell has
 * @property {Statuses} statuses @property {number} total @property {RuleAlerts[]} rules
 * @property {Alert[]} shown one page of them @property {number | null} last when the last one was, in or out of the range
 */

export const STATUSES = /** @type {const} */ (['active', 'recovered', 'untracked']);

/** @param {any} answer of alertsRequest @param {Range} range aligned @param {number} interval @returns {Alerts} */
export function alertsOf(answer, range, interval) {
  const within = answer.aggregations?.within;
  const counts = emptyLanes(['Alerts'], range, interval);
  for (const cell of within?.cells.buckets ?? []) put(counts, 0, cell.key, cell.doc_count);
  return {
    isAbsent: isAbsent(answer),
    counts,
    statuses: statusesOf(within?.statuses),
    total: within?.doc_count ?? 0,
    rules: (within?.rules.buckets ?? []).map(ruleAlerts).sort(mostFirst),
    shown: alertList(answer),
    last: answer.aggregations?.last.value ?? null,
  };
}

/** An alias that does not exist, or may not be read, is searched in no shard. @param {any} answer @returns {boolean} */
export function isAbsent(answer) {
  return answer._shards?.total === 0;
}

/** @param {any} answer of a search for alerts @returns {Alert[]} */
export function alertList(answer) {
  return (answer.hits?.hits ?? []).map((/** @type {any} */ hit) => alertOf(hit._source));
}

/** @param {any} answer of cellAlertsRequest @returns {{statuses: Statuses, total: number, shown: Alert[]}} */
export function cellAlerts(answer) {
  const statuses = statusesOf(answer.aggregations?.statuses);
  return { statuses, total: STATUSES.reduce((sum, status) => sum + statuses[status], 0), shown: alertList(answer) };
}

/** @param {any} terms an aggregation by status @returns {Statuses} */
function statusesOf(terms) {
  const counts = { active: 0, recovered: 0, untracked: 0 };
  for (const bucket of terms?.buckets ?? []) {
    if (Object.hasOwn(counts, bucket.key)) counts[/** @type {'active'} */ (bucket.key)] = bucket.doc_count;
  }
  return counts;
}

/** @param {any} bucket of one rule @returns {RuleAlerts} */
function ruleAlerts(bucket) {
  const latest = bucket.latest.hits.hits[0]?._source ?? {};
  const statuses = statusesOf(bucket.statuses);
  const times = (/** @type {'start' | 'end'} */ which, /** @type {(key: string) => boolean} */ isMeant) =>
    bucket.statuses.buckets.filter((/** @type {any} */ status) => isMeant(status.key)).map((/** @type {any} */ status) => status[which].value ?? 0);
  return {
    id: bucket.key, name: latest['kibana.alert.rule.name'] ?? bucket.key, statuses, total: bucket.doc_count,
    since: Math.max(0, ...(statuses.active > 0 ? times('start', (key) => key === 'active') : times('end', () => true))),
    duration: (latest['kibana.alert.duration.us'] ?? 0) / 1000,
  };
}

/** Most active ones, most of all, the longest. @param {RuleAlerts} a @param {RuleAlerts} b */
function mostFirst(a, b) {
  return b.statuses.active - a.statuses.active || b.total - a.total || b.duration - a.duration;
}

/** @param {any} source of an alert's document @returns {Alert} */
export function alertOf(source) {
  const of = (/** @type {string} */ name) => source[`kibana.alert.${name}`];
  const scores = [of('anomaly_score') ?? []].flat();
  return {
    id: of('uuid'), group: of('instance.id'), status: of('status'), reason: of('reason') ?? '', rule: of('rule.name'), ruleId: of('rule.uuid'),
    job: of('job_id') ?? '', score: scores.at(-1) ?? null, start: timeOf(of('start')), end: of('end') === undefined ? null : timeOf(of('end')),
    anomaly: of('anomaly_timestamp') === undefined ? null : timeOf(of('anomaly_timestamp')), duration: (of('duration.us') ?? 0) / 1000,
    isMuted: of('muted') === true,
  };
}

/** Others may write dates as texts. @param {number | string} value @returns {number} */
function timeOf(value) {
  return typeof value === 'number' ? value : Date.parse(value);
}

/** @param {Rule} rule @param {{job_id: string, groups?: string[]}} job @returns {boolean} whether it is about the job's anomalies */
export function isAbout(rule, job) {
  const { jobIds = [], groupIds = [] } = rule.params.jobSelection ?? {};
  return jobIds.includes('*') || jobIds.includes(job.job_id) || (job.groups ?? []).some((group) => groupIds.includes(group));
}

// Rules as people choose them in a form, and as the API takes them; what of an anomaly a new rule begins with. Pure.

import { entitiesOf } from './entities.js';
import { ANOMALY_RULE, HEALTH_RULE } from './queries-alerts.js';

/** @import {Action, AnomalyRecord, Connector, Filter, Rule} from './types.d.ts' */
/**
 * @typedef {object} Prefill what a new rule begins with; stands in the address
 * @property {string[]} [jobs] none means all @property {number} [score] @property {string} [type] record, bucket or influencer
 * @property {string} [group] what an alert is about @property {string} [kql]
 */
/**
 * @typedef {object} RuleForm
 * @property {string} name @property {string} type of the rule
 * @property {string[]} jobs ids, or `*` @property {string[]} groups
 * @property {string} result @property {number} score @property {string} group @property {string} kql @property {boolean} interim
 * @property {number} recover buckets @property {number} delay matches @property {Action[]} actions
 */

/** What an alert can be about, for each kind of result. @type {Record<string, string[]>} */
export const GROUPS_OF = {
  record: ['job', 'detector', 'entity', 'influencer'],
  bucket: ['job'],
  influencer: ['job', 'influencer'],
};
export const NAME_OF_HEALTH = 'Health of jobs';
const UNDER_SCORE = 5;
/** Of the messages, `{{…}}` is replaced when an alert comes. @type {Record<string, object>} */
const MESSAGES = {
  '.server-log': { level: 'warn', message: '{{rule.name}}: {{context.message}}' },
  '.index': { documents: [{ '@timestamp': '{{date}}', rule: '{{rule.name}}', alert: '{{alert.id}}', message: '{{context.message}}', score: '{{context.score}}' }] },
  '.slack': { message: '{{rule.name}}: {{context.message}}' },
  '.email': { to: ['somebody@example.org'], subject: '{{rule.name}}: {{alert.id}}', message: '{{context.message}}\n\n{{{kibanaBaseUrl}}}{{{context.anomalyExplorerUrl}}}' },
  '.pagerduty': { eventAction: 'trigger', dedupKey: '{{alert.uuid}}', summary: '{{rule.name}}: {{context.message}}', severity: 'error' },
};

/** Somewhat under the anomaly, so that the like of it are told of, too. @param {number} score @returns {number} a multiple of 5 */
export function severityUnder(score) {
  return Math.max(0, Math.floor((score - UNDER_SCORE) / 5) * 5);
}

/** @param {string} text @returns {string} as a value of the query language */
function quoted(text) {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** @param {Record<string, any>} record @returns {string} what only records about the same entities match; empty for none */
export function entityQuery(record) {
  const sides = ['partition', 'by', 'over'].filter((side) => record[`${side}_field_name`] !== undefined && record[`${side}_field_value`] !== undefined);
  return sides.map((side) => `${side}_field_name: ${quoted(record[`${side}_field_name`])} and ${side}_field_value: ${quoted(String(record[`${side}_field_value`]))}`).join(' and ');
}

/** @param {AnomalyRecord} record @returns {Prefill} */
export function ruleOfRecord(record) {
  return {
    jobs: [record.job_id], score: severityUnder(record.record_score), type: 'record',
    group: entitiesOf(record).length > 0 ? 'entity' : 'detector', kql: entityQuery(record),
  };
}

/**
 * @param {{jobs: string[], score: number, lanes: Filter[]}} selected `score` is the highest of the cells; `lanes` are none
 *   where they are jobs
 * @returns {Prefill}
 */
export function ruleOfCells({ jobs, score, lanes }) {
  const severity = severityUnder(score);
  if (lanes.length === 0) return { jobs, score: severity, type: 'bucket', group: 'job' };
  const values = lanes.map(({ value }) => quoted(value));
  const wanted = values.length > 1 ? `(${values.join(' or ')})` : values[0];
  return {
    jobs, score: severity, type: 'influencer', group: 'influencer',
    kql: `influencer_field_name: ${quoted(lanes[0].field)} and influencer_field_value: ${wanted}`,
  };
}

/** @param {Prefill} prefill @returns {RuleForm} */
export function newForm({ jobs = [], score = 75, type = 'record', group = 'job', kql = '' }) {
  const name = jobs.length === 1 ? `Anomalies of ${jobs[0]}` : 'Anomalies';
  return {
    name, type: ANOMALY_RULE, jobs: jobs.length > 0 ? jobs : ['*'], groups: [], result: type, score,
    group: GROUPS_OF[type].includes(group) ? group : 'job', kql, interim: false, recover: 1, delay: 1, actions: [],
  };
}

/** @param {Rule} rule @returns {RuleForm} */
export function formOf({ name, rule_type_id: type, params, actions, alert_delay: delay }) {
  const selection = (type === HEALTH_RULE ? params.includeJobs : params.jobSelection) ?? {};
  const own = params.lanewatch ?? {};
  return {
    name, type, jobs: selection.jobIds ?? [], groups: selection.groupIds ?? [], result: params.resultType ?? 'record',
    score: params.severity ?? 75, group: own.group_by ?? 'job', kql: params.kqlQueryString ?? '', interim: params.includeInterim ?? false,
    recover: own.recover_after ?? 1, delay: delay?.active ?? 1, actions,
  };
}

/** @param {RuleForm} form @param {Rule | null} former what of it the form does not show is kept @returns {Record<string, any>} */
export function paramsOf(form, former) {
  const kept = former?.params ?? {};
  const selection = { jobIds: form.jobs, groupIds: form.groups };
  if (form.type === HEALTH_RULE) return { ...kept, includeJobs: selection };
  return {
    ...kept, jobSelection: selection, severity: form.score, resultType: form.result, includeInterim: form.interim,
    kqlQueryString: form.result === 'bucket' || form.kql.trim() === '' ? null : form.kql.trim(),
    lanewatch: { ...kept.lanewatch, group_by: GROUPS_OF[form.result].includes(form.group) ? form.group : 'job', recover_after: form.recover },
  };
}

/** @param {RuleForm} form @param {Rule | null} former null makes a new one @returns {Record<string, any>} body of the request */
export function bodyOf(form, former) {
  const body = {
    name: form.name.trim(), params: paramsOf(form, former), schedule: former?.schedule ?? { interval: '1m' }, tags: former?.tags ?? [],
    actions: form.actions, ...(form.delay > 1 && { alert_delay: { active: form.delay } }),
  };
  if (former === null) return { ...body, rule_type_id: form.type, consumer: 'ml' };
  const kept = /** @type {const} */ (['flapping', 'throttle', 'notify_when']).filter((name) => former[name] !== undefined && former[name] !== null);
  return { ...body, ...Object.fromEntries(kept.map((name) => [name, former[name]])) };
}

/** What tells that an alert begins, for each type of rule. @type {Record<string, string>} */
const BEGINS = { [ANOMALY_RULE]: 'anomaly_score_match', [HEALTH_RULE]: 'anomaly_detection_realtime_issue' };
const RECOVERED = 'recovered';

/** @param {string} type of the rule @returns {[string, string][]} the moments that somebody can be told of, and their words */
export function momentsOf(type) {
  return [[BEGINS[type], 'when it begins'], [RECOVERED, 'when it is over']];
}

/** @param {Connector} connector @param {string} type of the rule @returns {Action} with a message that one can begin with */
export function newAction(connector, type) {
  return { id: connector.id, group: BEGINS[type], params: /** @type {Record<string, unknown>} */ (MESSAGES[connector.connector_type_id] ?? {}) };
}

/** @param {Rule} rule @returns {string} whom it watches, for people */
export function watchedText(rule) {
  const { jobIds = [], groupIds = [] } = (rule.rule_type_id === HEALTH_RULE ? rule.params.includeJobs : rule.params.jobSelection) ?? {};
  if (jobIds.includes('*')) return 'all jobs';
  return [...jobIds, ...groupIds.map((/** @type {string} */ group) => `group ${group}`)].join(', ');
}

/** @param {Rule} rule @returns {string} when it raises an alert, for people */
export function conditionText({ rule_type_id: type, params }) {
  if (type === HEALTH_RULE) return 'datafeeds, memory, delayed data, errors';
  const bound = params.resultType === 'bucket' ? 'above' : 'from';
  return `${params.resultType} score ${bound} ${params.severity}${params.kqlQueryString ? `, ${params.kqlQueryString}` : ''}`;
}

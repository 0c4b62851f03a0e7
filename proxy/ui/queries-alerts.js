// The requests for alerts and alert rules. Pure: they only describe what is to be asked.
// What the answers become is alerts.js's matter; how rules are written, rule-body.js's.

import { get, searchRequest } from './queries.js';
import { apiDuration } from './time.js';

/** @import {ApiRequest, Range} from './types.d.ts' */

export const ANOMALY_RULE = 'xpack.ml.anomaly_detection_alert';
export const HEALTH_RULE = 'xpack.ml.anomaly_detection_jobs_health';
export const ALERTS_A_PAGE = 20;
export const MAX_RULES = 1000;
const RULES = '/api/alerting/rule';
const CONNECTOR = '/api/actions/connector';
/** Every bucket in which an alert saw an anomaly, so that it is counted in each cell that it covers. */
const MOMENTS = 'lanewatch.anomaly_timestamps';
const MOST_OF_CELL = 100;

/** @param {string} alias @param {object} body @returns {ApiRequest} */
function alertsSearch(alias, body) {
  return searchRequest(`/${encodeURIComponent(alias)}/_search?ignore_unavailable=true`, body);
}

/** @param {string[]} jobs @returns {object[]} */
function ofJobs(jobs) {
  return [{ term: { 'kibana.alert.rule.rule_type_id': ANOMALY_RULE } }, { terms: { 'kibana.alert.job_id': jobs } }];
}

/** @param {Range} range @returns {object} an anomaly of the alert lies in it */
function during({ start, end }) {
  return { range: { [MOMENTS]: { gte: start, lt: end, format: 'epoch_millis' } } };
}

/**
 * All that the panel shows, in one search: counts by cell, by status and by rule, one page of the alerts themselves,
 * and when the last one was, which explains an empty range.
 * @param {{alias: string, jobs: string[], range: Range, interval: number, page: number}} asked range aligned
 * @returns {ApiRequest}
 */
export function alertsRequest({ alias, jobs, range, interval, page }) {
  const latest = ['name', 'uuid'].map((name) => `kibana.alert.rule.${name}`).concat('kibana.alert.duration.us');
  return alertsSearch(alias, {
    from: (page - 1) * ALERTS_A_PAGE,
    size: ALERTS_A_PAGE,
    query: { bool: { filter: ofJobs(jobs) } },
    post_filter: during(range),
    sort: NEWEST_FIRST,
    aggs: {
      last: { max: { field: MOMENTS } },
      within: {
        filter: during(range),
        aggs: {
          cells: {
            // Moments out of the range are left out when it is read: with hard_bounds Elasticsearch 8.19 fails on no documents.
            date_histogram: { field: MOMENTS, fixed_interval: apiDuration(interval), min_doc_count: 1 },
          },
          statuses: { terms: { field: 'kibana.alert.status' } },
          rules: {
            terms: { field: 'kibana.alert.rule.uuid', size: MAX_RULES },
            aggs: {
              latest: { top_hits: { size: 1, sort: NEWEST_FIRST, _source: latest } },
              statuses: {
                terms: { field: 'kibana.alert.status' },
                aggs: { start: { max: { field: 'kibana.alert.start' } }, end: { max: { field: 'kibana.alert.end' } } },
              },
            },
          },
        },
      },
    },
  });
}

/** Alerts that begin together have an order all the same, or a page could repeat one of the page before. */
const NEWEST_FIRST = [{ 'kibana.alert.start': 'desc' }, { 'kibana.alert.uuid': 'asc' }];

/** @param {string} alias @param {string[]} jobs @param {Range} range @returns {ApiRequest} alerts of the selected cells */
export function cellAlertsRequest(alias, jobs, range) {
  return alertsSearch(alias, {
    size: MOST_OF_CELL,
    query: { bool: { filter: [...ofJobs(jobs), during(range)] } },
    sort: [{ 'kibana.alert.start': 'asc' }, { 'kibana.alert.uuid': 'asc' }],
    aggs: { statuses: { terms: { field: 'kibana.alert.status' } } },
  });
}

/** @param {string} alias @param {string} rule @returns {ApiRequest} its latest alerts, active ones first */
export function ruleAlertsRequest(alias, rule) {
  return alertsSearch(alias, {
    size: 50,
    query: { bool: { filter: [{ term: { 'kibana.alert.rule.uuid': rule } }] } },
    sort: [{ 'kibana.alert.status': 'asc' }, ...NEWEST_FIRST],
  });
}

export const rulesRequest = () => get(`/api/alerting/rules/_find?per_page=${MAX_RULES}`);
export const connectorsRequest = () => get('/api/actions/connectors');

/** @param {unknown} body @returns {ApiRequest} */
export function newConnector(body) {
  return { method: 'POST', path: CONNECTOR, body };
}

/** @param {string} connector @param {object} params of a message that is sent at once @returns {ApiRequest} */
export function tryConnector(connector, params) {
  return { method: 'POST', path: `${CONNECTOR}/${encodeURIComponent(connector)}/_execute`, body: { params } };
}

/** @param {string} connector @returns {ApiRequest} */
export function deleteConnector(connector) {
  return { method: 'DELETE', path: `${CONNECTOR}/${encodeURIComponent(connector)}` };
}

/** @param {string} rule @param {string} action for instance `/_enable` @param {unknown} [body] @returns {ApiRequest} */
export function ruleAction(rule, action, body) {
  return { method: 'POST', path: `${RULES}/${encodeURIComponent(rule)}${action}`, ...(body !== undefined && { body }) };
}

/** @param {string} rule @param {string} alert @param {boolean} on @returns {ApiRequest} */
export function muteAlert(rule, alert, on) {
  return ruleAction(rule, `/alert/${encodeURIComponent(alert)}/${on ? '_mute' : '_unmute'}`);
}

/** @param {string} rule @returns {ApiRequest} */
export function deleteRule(rule) {
  return { method: 'DELETE', path: `${RULES}/${encodeURIComponent(rule)}` };
}

/** @param {string | null} rule null makes a new one @param {unknown} body @returns {ApiRequest} */
export function saveRule(rule, body) {
  return rule === null ? { method: 'POST', path: RULES, body } : { method: 'PUT', path: `${RULES}/${encodeURIComponent(rule)}`, body };
}

/** What a rule would have found. @param {unknown} params @param {Range} range @returns {ApiRequest} */
export function previewRequest(params, { start, end }) {
  return { method: 'POST', path: `${RULES}/_preview`, body: { params, start, end } };
}

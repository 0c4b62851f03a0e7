// Addresses of the page's own views, built in one place so that a link always opens the right job, series and time.

import { entitiesOf } from './entities.js';
import { writeState } from './state.js';
import { SECOND } from './time.js';

/** @import {AnomalyRecord, Range, SeriesKey, Zone} from './types.d.ts' */

/** Instead of a rule's id. */
export const NEW_RULE = '*new';
/** Buckets shown on both sides of an anomaly that is opened as a series. */
const CONTEXT_BUCKETS = 50;

/** @param {AnomalyRecord} record @param {Zone} tz @returns {string} its series, around its time */
export function recordLink(record, tz) {
  const span = record.bucket_span * SECOND;
  const zoom = { start: Math.max(0, record.timestamp - CONTEXT_BUCKETS * span), end: record.timestamp + (CONTEXT_BUCKETS + 1) * span };
  return writeState({
    view: 'metric', job: [record.job_id], det: record.detector_index, entities: entitiesOf(record), zoom, tz,
  });
}

/** @param {SeriesKey} key @param {Range | null} zoom @param {Zone} tz @returns {string} */
export function seriesLink(key, zoom, tz) {
  return writeState({ view: 'metric', job: [key.job], det: key.detector, entities: key.entities, zoom, tz });
}

/** @param {string[]} jobs @param {Zone} tz @param {{from?: string, to?: string}} [range] @returns {string} */
export function explorerLink(jobs, tz, range = {}) {
  return writeState({ view: 'explorer', job: jobs, tz, ...range });
}

/** @param {string} job @param {Zone} tz @returns {string} */
export function metricLink(job, tz) {
  return writeState({ view: 'metric', job: [job], tz });
}

/** @param {string} rule @returns {string} the rule in the list of rules */
export function ruleLink(rule) {
  return writeState({ view: 'rules', open: rule });
}

/** @param {import('./rule-body.js').Prefill} prefill @returns {string} the form of a new rule */
export function newRuleLink({ jobs, score, type, group, kql }) {
  return writeState({ view: 'rules', open: NEW_RULE, job: jobs, score, type, group, kql });
}

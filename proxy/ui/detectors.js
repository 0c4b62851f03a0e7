// What of a detector can be drawn from the source data, and how it is computed there. Pure.

/** @import {Datafeed, Detector, Job} from './types.d.ts' */

/** @type {Record<string, (field: string) => object>} base function -> metric aggregation */
const METRICS = {
  mean: (field) => ({ avg: { field } }),
  min: (field) => ({ min: { field } }),
  max: (field) => ({ max: { field } }),
  sum: (field) => ({ sum: { field } }),
  distinct_count: (field) => ({ cardinality: { field } }),
  median: (field) => ({ percentiles: { field, percents: [50] } }),
  varp: (field) => ({ extended_stats: { field } }),
};

/** @type {Record<string, string>} */
const SHORT_NAMES = { nzc: 'count', dc: 'distinct_count', avg: 'mean' };

/** @param {string} name @returns {string} without the side that it watches: `high_mean` is a `mean` */
export function baseFunction(name) {
  const plain = name.replace(/^(high|low)_/, '').replace(/^non_(zero|null)_/, '');
  return SHORT_NAMES[plain] ?? plain;
}

/**
 * How the series of a detector is computed from its source.
 * @param {Job} job
 * @param {Detector} detector
 * @param {Datafeed | undefined} datafeed
 * @param {string} fn mean, min or max, for the function `metric`
 * @returns {{aggregation: object | null} | {reason: string}} null counts documents; else why it cannot be drawn
 */
export function sourceSeries(job, detector, datafeed, fn) {
  if (!datafeed) return { reason: 'the job has no datafeed, so the page does not know where its data lies' };
  if (datafeed.aggregations ?? datafeed.aggs) return { reason: 'the datafeed aggregates its data before the job sees it' };
  if (job.analysis_config.summary_count_field_name) return { reason: 'the job reads data that was summed up before' };
  if (datafeed.script_fields) return { reason: 'the datafeed reads fields that scripts compute' };
  if (entityIsCategory(detector)) return { reason: 'categories exist in the results only, not in the source data' };
  const name = detector.function === 'metric' ? fn : baseFunction(detector.function);
  if (name === 'count') return { aggregation: null };
  const metric = METRICS[name];
  if (!metric || !detector.field_name) return { reason: `the function ${detector.function} has no series of values` };
  return { aggregation: metric(detector.field_name) };
}

/** @param {Detector} detector */
function entityIsCategory(detector) {
  return [detector.by_field_name, detector.over_field_name, detector.partition_field_name].includes('mlcategory');
}

/** @param {Record<string, any>} bucket of a histogram with the aggregation `value` @returns {number} */
export function sourceValue(bucket) {
  const value = bucket.value;
  if (value === undefined) return bucket.doc_count;
  if (value.values) return value.values['50.0'] ?? NaN;
  return value.variance ?? value.value ?? NaN;
}

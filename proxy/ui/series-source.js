// Where the line of a series comes from: the model's own plot, else the source data, else the anomalies alone. Pure.

import { sourceSeries, sourceValue } from './detectors.js';
import { modelSeries, sourceSeriesOf } from './model.js';
import { modelBody, sourceBody, sourcePath } from './queries-series.js';
import { RESULTS } from './queries.js';

/** @import {Detector, Filter, Job, Range, Series} from './types.d.ts' */
/**
 * @typedef {object} Asked
 * @property {Job} job @property {Detector} detector @property {Filter[]} entities
 * @property {Range} range @property {number} interval
 * @property {string} fn mean, min or max, for the function `metric`
 */
/**
 * @typedef {object} Origin
 * @property {string} origin what the line is made of, where that is worth a word
 * @property {{indices: string, body: object, read: (answer: any) => Series} | null} search null: draw the anomalies
 */

/** @param {Asked} asked @returns {Origin} */
export function searchOf({ job, detector, entities, range, interval, fn }) {
  if (job.model_plot_config?.enabled) {
    const body = modelBody(job, detector, entities, range, interval);
    return { origin: '', search: { indices: RESULTS.slice(1), body, read: (answer) => modelSeries(answer, interval) } };
  }
  const datafeed = job.datafeed_config;
  const source = sourceSeries(job, detector, datafeed, fn);
  if ('reason' in source || !datafeed) {
    return { origin: `only the anomalies: ${'reason' in source ? source.reason : 'no datafeed'}`, search: null };
  }
  const body = sourceBody({ job, datafeed, entities, range, interval, aggregation: source.aggregation });
  const read = (/** @type {any} */ answer) => sourceSeriesOf(answer, interval, sourceValue);
  return { origin: 'source data; model plot is off, so there are no bounds', search: { indices: sourcePath(datafeed).slice(1), body, read } };
}

// What answers become before they are drawn: typed arrays and plain lists. Pure.

/** @import {Annotation, AnomalyRecord, LaneModel, Range, Series} from './types.d.ts' */

/** @typedef {{start: number, end: number, worst: number, buckets: number}} Extent */
/** @typedef {{name: string, max: number, sum: number}} Total */
/** @typedef {{records: AnomalyRecord[], above: number, below: number}} Records */

/** @param {any} answer of extentRequest @returns {Map<string, Extent>} by job */
export function extentsOf(answer) {
  /** @type {Map<string, Extent>} */
  const extents = new Map();
  for (const job of answer.aggregations?.jobs.buckets ?? []) {
    const end = job.last.value + (job.span.value ?? 0) * 1000;
    extents.set(job.key, { start: job.first.value, end, worst: job.worst.value ?? 0, buckets: job.doc_count });
  }
  return extents;
}

/** @param {Map<string, Extent>} extents @param {string[]} jobs @returns {Range | null} null without results */
export function wholeRange(extents, jobs) {
  const found = jobs.map((job) => extents.get(job)).filter((extent) => extent !== undefined);
  if (found.length === 0) return null;
  return { start: Math.min(...found.map((extent) => extent.start)), end: Math.max(...found.map((extent) => extent.end)) };
}

/**
 * @param {string[]} names @param {Range} range aligned @param {number} interval
 * @returns {LaneModel} with no scores yet
 */
export function emptyLanes(names, range, interval) {
  const cells = Math.round((range.end - range.start) / interval);
  return { names, start: range.start, interval, cells, scores: new Float32Array(names.length * cells) };
}

/** @param {LaneModel} lanes @param {number} lane @param {number} time @param {number} score keeps the highest */
export function put(lanes, lane, time, score) {
  const cell = Math.floor((time - lanes.start) / lanes.interval);
  if (lane < 0 || cell < 0 || cell >= lanes.cells) return;
  const at = lane * lanes.cells + cell;
  if (score > lanes.scores[at]) lanes.scores[at] = score;
}

/**
 * @param {any} answer of overallRequest
 * @param {string[]} jobs in the order of their lanes
 * @param {Range} range aligned @param {number} interval
 * @returns {{overall: LaneModel, jobs: LaneModel}}
 */
export function overallLanes(answer, jobs, range, interval) {
  const overall = emptyLanes(['Overall'], range, interval);
  overall.interim = new Uint8Array(overall.cells);
  const byJob = emptyLanes(jobs, range, interval);
  const laneOf = new Map(jobs.map((job, lane) => [job, lane]));
  for (const bucket of answer.overall_buckets ?? []) {
    put(overall, 0, bucket.timestamp, bucket.overall_score);
    const cell = Math.floor((bucket.timestamp - range.start) / interval);
    if (bucket.is_interim && cell >= 0 && cell < overall.cells) overall.interim[cell] = 1;
    for (const job of bucket.jobs) put(byJob, laneOf.get(job.job_id) ?? -1, bucket.timestamp, job.max_anomaly_score);
  }
  byJob.totals = jobs.map((_, lane) => laneTotal(byJob, lane));
  return { overall, jobs: byJob };
}

/** @param {LaneModel} lanes @param {number} lane @returns {{max: number, sum: number}} */
function laneTotal(lanes, lane) {
  const scores = lanes.scores.subarray(lane * lanes.cells, (lane + 1) * lanes.cells);
  return { max: scores.reduce((a, b) => Math.max(a, b), 0), sum: scores.reduce((a, b) => a + b, 0) };
}

/** @param {any[]} answers of cellsRequests @param {string[]} names @param {Range} range @param {number} interval */
export function entityLanes(answers, names, range, interval) {
  const lanes = emptyLanes(names, range, interval);
  const laneOf = new Map(names.map((name, lane) => [name, lane]));
  for (const answer of answers) {
    for (const lane of answer.aggregations?.lanes?.buckets ?? []) {
      for (const cell of lane.cells?.buckets ?? []) put(lanes, laneOf.get(lane.key) ?? -1, cell.key, cell.max.value);
    }
  }
  return lanes;
}

/** @param {any} bucket of a terms aggregation @returns {Total} */
function total(bucket) {
  return { name: bucket.key, max: bucket.max.value, sum: bucket.sum.value };
}

/**
 * @param {any} answer of namesRequest
 * @param {string[]} fields in the order in which they are to be shown
 * @returns {{top: {field: string, values: Total[]}[], lanes: Total[], count: number}}
 */
export function namesOf(answer, fields) {
  /** @type {Map<string, Total[]>} */
  const top = new Map();
  for (const field of answer.aggregations?.fields?.buckets ?? []) top.set(field.key, (field.values?.buckets ?? []).map(total));
  const order = [...fields.filter((field) => top.has(field)), ...[...top.keys()].filter((field) => !fields.includes(field))];
  const lanes = (answer.aggregations?.lanes?.names?.buckets ?? []).map(total);
  return {
    top: order.map((field) => ({ field, values: top.get(field) ?? [] })),
    lanes,
    count: Math.max(lanes.length, answer.aggregations?.lanes?.count?.value ?? 0),
  };
}

/** @param {any} answer of relatedRequest @returns {Record<string, string[]>} values by field */
export function relatedOf(answer) {
  const fields = answer.aggregations?.influencers?.fields?.buckets ?? [];
  return Object.fromEntries(fields.map((/** @type {any} */ field) =>
    [field.key, field.values.buckets.map((/** @type {any} */ value) => value.key)]));
}

/** @param {any} answer of recordsRequest @returns {Records} */
export function recordsOf(answer) {
  return {
    records: (answer.hits?.hits ?? []).map((/** @type {any} */ hit) => hit._source),
    above: answer.aggregations?.above?.doc_count ?? 0,
    below: answer.aggregations?.below?.doc_count ?? 0,
  };
}

/** @param {any} answer of annotationsRequest @returns {Annotation[]} */
export function annotationsOf(answer) {
  return (answer.hits?.hits ?? []).map((/** @type {any} */ hit) => ({
    id: hit._id, index: hit._index, seqNo: hit._seq_no, primaryTerm: hit._primary_term, source: hit._source,
  }));
}

/** @param {number} length @param {number} interval @returns {Series} */
export function emptySeries(length, interval) {
  const empty = () => new Float64Array(length).fill(NaN);
  return { times: new Float64Array(length), actual: empty(), lower: empty(), upper: empty(), interval };
}

/** @param {any} answer of modelBody @param {number} interval @returns {Series} */
export function modelSeries(answer, interval) {
  const points = answer.aggregations?.points?.buckets ?? [];
  const series = emptySeries(points.length, interval);
  points.forEach((/** @type {any} */ point, /** @type {number} */ at) => {
    series.times[at] = point.key;
    series.actual[at] = point.actual.value ?? NaN;
    series.lower[at] = point.lower.value ?? NaN;
    series.upper[at] = point.upper.value ?? NaN;
  });
  return series;
}

/**
 * @param {any} answer of sourceBody @param {number} interval
 * @param {(bucket: any) => number} valueOf
 * @returns {Series} without bounds
 */
export function sourceSeriesOf(answer, interval, valueOf) {
  const points = answer.aggregations?.points?.buckets ?? [];
  const series = emptySeries(points.length, interval);
  points.forEach((/** @type {any} */ point, /** @type {number} */ at) => {
    series.times[at] = point.key;
    series.actual[at] = valueOf(point);
  });
  return series;
}

/**
 * What is left to draw where there is neither a model nor a source: the values of the anomalies themselves.
 * @param {AnomalyRecord[]} records @param {number} interval
 * @returns {Series}
 */
export function recordSeries(records, interval) {
  const sorted = records.filter((record) => valueOf(record) !== null).sort((a, b) => a.timestamp - b.timestamp);
  const series = emptySeries(sorted.length, interval);
  sorted.forEach((record, at) => {
    series.times[at] = record.timestamp;
    series.actual[at] = valueOf(record) ?? NaN;
  });
  return series;
}

/** @param {AnomalyRecord} record @returns {number | null} */
export function valueOf(record) {
  return record.actual?.[0] ?? record.causes?.[0]?.actual?.[0] ?? null;
}

/** @param {any} answer of forecastRequest @param {number} interval @returns {Series} */
export function forecastSeries(answer, interval) {
  const hits = answer.hits?.hits ?? [];
  const series = emptySeries(hits.length, interval);
  hits.forEach((/** @type {any} */ { _source }, /** @type {number} */ at) => {
    series.times[at] = _source.timestamp;
    series.actual[at] = _source.forecast_prediction;
    series.lower[at] = _source.forecast_lower ?? NaN;
    series.upper[at] = _source.forecast_upper ?? NaN;
  });
  return series;
}

/**
 * The record that is kept for each point of a chart or row of a grouped table: the highest.
 * @param {AnomalyRecord[]} records highest first
 * @param {number} interval 0 keeps all
 * @param {(record: AnomalyRecord) => string} groupOf
 * @returns {AnomalyRecord[]} in the given order
 */
export function highestOf(records, interval, groupOf) {
  if (interval === 0) return records;
  const seen = new Set();
  return records.filter((record) => {
    const group = `${Math.floor(record.timestamp / interval)} ${groupOf(record)}`;
    return !seen.has(group) && seen.add(group);
  });
}


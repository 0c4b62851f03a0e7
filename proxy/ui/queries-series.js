// The requests behind the chart of one series: its model or its source, forecasts, and the values of entities. Pure.

import { sideOf } from './entities.js';
import { RESULTS, during, influencedBy, searchRequest } from './queries.js';
import { apiDuration } from './time.js';

/** @import {ApiRequest, Datafeed, Detector, Filter, Job, Range, SeriesKey} from './types.d.ts' */

const MAX_ENTITIES = 1000;

/** @param {string} job @param {Detector} detector @param {Filter[]} entities @returns {object[]} */
export function seriesClauses(job, detector, entities) {
  return [{ term: { job_id: job } }, { term: { detector_index: detector.detector_index } },
    ...entityClauses(detector, entities)];
}

/** @param {Detector} detector @param {Filter[]} entities @returns {object[]} */
export function entityClauses(detector, entities) {
  return entities.flatMap(({ field, value }) => {
    const side = sideOf(detector, field);
    return side ? [{ term: { [`${side}_field_value`]: value } }] : [];
  });
}

/** @param {number} interval @param {Record<string, object>} aggs @returns {object} */
function histogram(interval, aggs) {
  return { date_histogram: { field: 'timestamp', fixed_interval: apiDuration(interval), min_doc_count: 1 }, aggs };
}

/**
 * @param {Job} job @param {Detector} detector @param {Filter[]} entities @param {Range} range @param {number} interval
 * @returns {object} the body of a search
 */
export function modelBody(job, detector, entities, range, interval) {
  return {
    size: 0,
    query: {
      bool: { filter: [{ term: { result_type: 'model_plot' } }, ...seriesClauses(job.job_id, detector, entities), during(range)] },
    },
    aggs: {
      points: histogram(interval, {
        actual: { avg: { field: 'actual' } },
        upper: { max: { field: 'model_upper' } },
        lower: { min: { field: 'model_lower' } },
      }),
    },
  };
}

/**
 * @param {{job: Job, datafeed: Datafeed, entities: Filter[], range: Range, interval: number, aggregation: object | null}} asked
 * @returns {object} the body of a search on the datafeed's indices
 */
export function sourceBody({ job, datafeed, entities, range, interval, aggregation }) {
  const field = job.data_description?.time_field ?? 'time';
  return {
    size: 0,
    query: {
      bool: {
        filter: [datafeed.query ?? { match_all: {} },
          { range: { [field]: { gte: range.start, lt: range.end, format: 'epoch_millis' } } },
          ...entities.map((entity) => ({ term: { [entity.field]: entity.value } }))],
      },
    },
    ...(datafeed.runtime_mappings ? { runtime_mappings: datafeed.runtime_mappings } : {}),
    aggs: {
      points: {
        date_histogram: { field, fixed_interval: apiDuration(interval), min_doc_count: aggregation ? 1 : 0 },
        aggs: aggregation ? { value: aggregation } : {},
      },
    },
  };
}

/** @param {Datafeed} datafeed @returns {string} */
export function sourcePath(datafeed) {
  return `/${datafeed.indices.map(encodeURIComponent).join(',')}`;
}

/** @param {object} body @returns {ApiRequest} */
export function resultsSearch(body) {
  return searchRequest(`${RESULTS}/_search?ignore_unavailable=true`, body);
}

/**
 * @param {{indices: string, body: object}[]} searches
 * @returns {ApiRequest} all in one
 */
export function multiSearch(searches) {
  return {
    method: 'POST',
    path: '/_msearch',
    lines: searches.flatMap(({ indices, body }) => [{ index: indices, ignore_unavailable: true }, body]),
  };
}

/**
 * The values of one field of a detector, anomalous ones first; those chosen for the other fields narrow it.
 * @param {{job: string, detector: Detector, field: string, others: Filter[], range: Range}} asked
 * @returns {ApiRequest}
 */
export function entityValuesRequest({ job, detector, field, others, range }) {
  const side = sideOf(detector, field);
  return resultsSearch({
    size: 0,
    query: {
      bool: {
        filter: [{ terms: { result_type: ['record', 'model_plot'] } }, ...seriesClauses(job, detector, others), during(range)],
      },
    },
    aggs: {
      values: {
        terms: { field: `${side}_field_value`, size: MAX_ENTITIES, order: { worst: 'desc' } },
        aggs: { worst: { max: { field: 'record_score', missing: 0 } } },
      },
    },
  });
}

/**
 * The highest record of a detector, which says what to show where nobody has chosen.
 * @param {string} job @param {Detector} detector @param {Filter[]} entities @param {Range} range
 * @returns {ApiRequest}
 */
export function worstRecordRequest(job, detector, entities, range) {
  return resultsSearch({
    size: 1,
    query: { bool: { filter: [{ term: { result_type: 'record' } }, ...seriesClauses(job, detector, entities), during(range)] } },
    sort: [{ record_score: 'desc' }],
  });
}

/** @param {string} job @returns {ApiRequest} its latest forecasts */
export function forecastsRequest(job) {
  return resultsSearch({
    size: 10,
    query: { bool: { filter: [{ term: { result_type: 'model_forecast_request_stats' } }, { term: { job_id: job } }] } },
    sort: [{ forecast_create_timestamp: 'desc' }],
  });
}

/**
 * @param {string} job @param {Detector} detector @param {Filter[]} entities @param {string} forecast
 * @returns {ApiRequest} the points of one forecast
 */
export function forecastRequest(job, detector, entities, forecast) {
  return resultsSearch({
    size: 10_000,
    query: {
      bool: { filter: [{ term: { result_type: 'model_forecast' } }, { term: { forecast_id: forecast } },
        ...seriesClauses(job, detector, entities)] },
    },
    sort: [{ timestamp: 'asc' }],
    _source: ['timestamp', 'forecast_prediction', 'forecast_lower', 'forecast_upper'],
  });
}

/** @param {string} job @param {Range} range @returns {ApiRequest} what calendars have planned for the job */
export function eventsRequest(job, range) {
  return { method: 'GET', path: `/_ml/calendars/_all/events?job_id=${encodeURIComponent(job)}&start=${range.start}&end=${range.end}&size=1000` };
}

/** @param {SeriesKey} key @returns {object[]} what narrows records to one series */
export function recordClauses(key) {
  return [{ term: { detector_index: key.detector } }, ...key.entities.map(influencedBy)];
}

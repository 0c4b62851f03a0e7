// The requests behind the explorer and the lists of jobs. Pure: they only describe what is to be asked.
// What a chart of one series asks is queries-series.js's matter; what the answers become, model.js's.

import { apiDuration } from './time.js';

/** @import {ApiRequest, Filter, Range} from './types.d.ts' */

export const RESULTS = '/.ml-anomalies-*';
/** Elasticsearch refuses answers of more buckets than about 65,535. */
export const MAX_BUCKETS = 50_000;
export const MAX_LANES = 1000;
const MAX_FIELDS = 20;
const TOP_INFLUENCERS = 10;
export const MAX_RECORDS = 500;

/** @param {Range} range @returns {object} */
export function during(range) {
  return { range: { timestamp: { gte: range.start, lt: range.end, format: 'epoch_millis' } } };
}

/** @param {string} path @param {object} body @returns {ApiRequest} */
export function searchRequest(path, body) {
  return { method: 'POST', path, body };
}

/** @param {string[]} parts of the answer that are wanted @returns {string} */
function resultsSearch(parts) {
  return `${RESULTS}/_search?ignore_unavailable=true&filter_path=${parts.join(',')}`;
}

export const jobsRequest = () => get('/_ml/anomaly_detectors');
export const jobStatsRequest = () => get('/_ml/anomaly_detectors/_stats');
export const datafeedStatsRequest = () => get('/_ml/datafeeds/_stats');

/** @param {string} path @returns {ApiRequest} */
export function get(path) {
  return { method: 'GET', path };
}

/** When the results of each job begin and end, and the highest score. @returns {ApiRequest} */
export function extentRequest() {
  return searchRequest(resultsSearch(['aggregations']), {
    size: 0,
    query: { term: { result_type: 'bucket' } },
    aggs: {
      jobs: {
        terms: { field: 'job_id', size: 10_000 },
        aggs: {
          first: { min: { field: 'timestamp' } },
          last: { max: { field: 'timestamp' } },
          span: { max: { field: 'bucket_span' } },
          worst: { max: { field: 'anomaly_score' } },
        },
      },
    },
  });
}

/**
 * @param {string[]} jobs
 * @param {Range} range aligned to the interval
 * @param {number} interval
 * @param {number} top how many of the jobs' scores are averaged
 * @returns {ApiRequest}
 */
export function overallRequest(jobs, range, interval, top) {
  return {
    method: 'POST',
    path: `/_ml/anomaly_detectors/${jobs.map(encodeURIComponent).join(',')}/results/overall_buckets`,
    // Times are texts here: Elasticsearch takes no numbers for them.
    body: { start: String(range.start), end: String(range.end), bucket_span: apiDuration(interval), top_n: Math.min(top, jobs.length) },
  };
}

/** @param {string} type @param {string[]} jobs @param {Range} range @returns {object[]} */
function about(type, jobs, range) {
  return [{ term: { result_type: type } }, { terms: { job_id: jobs } }, during(range)];
}

/**
 * The names of the lanes in their order and the list of top influencers, in one go.
 * @param {{jobs: string[], range: Range, by: string, order: string, related: Record<string, string[]> | null}} asked
 *   `related`: per field, the only values to show; null shows all
 * @returns {ApiRequest}
 */
export function namesRequest({ jobs, range, by, order, related }) {
  const filter = [...about('influencer', jobs, range), { range: { influencer_score: { gt: 0 } } }];
  if (related) filter.push({ bool: { should: relatedClauses(related), minimum_should_match: 1 } });
  const scores = { max: { max: { field: 'influencer_score' } }, sum: { sum: { field: 'influencer_score' } } };
  const value = 'influencer_field_value';
  /** @type {Record<string, object>} */
  const orders = { score: { max: 'desc' }, sum: { sum: 'desc' }, name: { _key: 'asc' } };
  return searchRequest(resultsSearch(['aggregations.*.buckets.key', 'aggregations.*.buckets.values',
    'aggregations.lanes.names.buckets', 'aggregations.lanes.count']), {
    size: 0,
    query: { bool: { filter } },
    aggs: {
      fields: {
        terms: { field: 'influencer_field_name', size: MAX_FIELDS },
        aggs: { values: { terms: { field: value, size: TOP_INFLUENCERS, order: { max: 'desc' } }, aggs: scores } },
      },
      lanes: {
        filter: { term: { influencer_field_name: by } },
        aggs: {
          count: { cardinality: { field: value } },
          names: { terms: { field: value, size: MAX_LANES, order: orders[order] ?? orders.score }, aggs: scores },
        },
      },
    },
  });
}

/** @param {Record<string, string[]>} related @returns {object[]} */
function relatedClauses(related) {
  return Object.entries(related).map(([field, values]) => ({
    bool: { filter: [{ term: { influencer_field_name: field } }, { terms: { influencer_field_value: values } }] },
  }));
}

/**
 * Which influencers share a record with all that is filtered for, and with one of the lanes if there are any.
 * @param {string[]} jobs @param {Range} range @param {Filter[]} filters @param {Filter[]} [lanes]
 * @returns {ApiRequest}
 */
export function relatedRequest(jobs, range, filters, lanes = []) {
  return searchRequest(resultsSearch(['aggregations']), {
    size: 0,
    query: { bool: { filter: [...about('record', jobs, range), ...filters.map(influencedBy), ...anyOf(lanes)] } },
    aggs: {
      influencers: {
        nested: { path: 'influencers' },
        aggs: {
          fields: {
            terms: { field: 'influencers.influencer_field_name', size: MAX_FIELDS },
            aggs: { values: { terms: { field: 'influencers.influencer_field_values', size: MAX_LANES } } },
          },
        },
      },
    },
  });
}

/** @param {Filter[]} lanes @returns {object[]} no clause for none */
function anyOf(lanes) {
  return lanes.length > 0 ? [{ bool: { should: lanes.map(influencedBy), minimum_should_match: 1 } }] : [];
}

/** @param {Filter} filter @returns {object} a record that has this influencer, or is about this entity */
export function influencedBy({ field, value }) {
  const sides = ['partition', 'by', 'over'].map((side) => ({
    bool: { filter: [{ term: { [`${side}_field_name`]: field } }, { term: { [`${side}_field_value`]: value } }] },
  }));
  const nested = {
    nested: {
      path: 'influencers',
      query: {
        bool: {
          filter: [
            { term: { 'influencers.influencer_field_name': field } },
            { term: { 'influencers.influencer_field_values': value } },
          ],
        },
      },
    },
  };
  return { bool: { should: [nested, ...sides], minimum_should_match: 1 } };
}

/**
 * The scores of the cells of some lanes; several requests where one would have too many buckets.
 * @param {{jobs: string[], range: Range, interval: number, by: string, names: string[]}} asked range aligned
 * @returns {ApiRequest[]}
 */
export function cellsRequests({ jobs, range, interval, by, names }) {
  const cells = Math.max(1, (range.end - range.start) / interval);
  const lanesEach = Math.max(1, Math.floor(MAX_BUCKETS / (cells + 1)));
  const requests = [];
  for (let first = 0; first < names.length; first += lanesEach) {
    const include = names.slice(first, first + lanesEach);
    const parts = ['aggregations.lanes.buckets.key', 'aggregations.lanes.buckets.cells.buckets.key',
      'aggregations.lanes.buckets.cells.buckets.max.value'];
    requests.push(searchRequest(resultsSearch(parts), {
      size: 0,
      query: {
        bool: { filter: [...about('influencer', jobs, range), { term: { influencer_field_name: by } },
          { terms: { influencer_field_value: include } }, { range: { influencer_score: { gt: 0 } } }] },
      },
      aggs: {
        lanes: {
          terms: { field: 'influencer_field_value', size: include.length, include },
          aggs: {
            cells: {
              date_histogram: { field: 'timestamp', fixed_interval: apiDuration(interval), min_doc_count: 1 },
              aggs: { max: { max: { field: 'influencer_score' } } },
            },
          },
        },
      },
    }));
  }
  return requests;
}

/**
 * The highest records of a range. Always a search, not the records API: only a search also tells how many
 * lie under the threshold and can filter by influencer.
 * @param {{jobs: string[], range: Range, filters: Filter[], lanes: Filter[], min: number, clauses?: object[]}} asked
 *   all of `filters` and one of `lanes` must be there
 * @returns {ApiRequest}
 */
export function recordsRequest({ jobs, range, filters, lanes, min, clauses = [] }) {
  const filter = [...about('record', jobs, range), ...filters.map(influencedBy), ...clauses, ...anyOf(lanes)];
  return searchRequest(resultsSearch(['hits.hits._source', 'aggregations']), {
    size: MAX_RECORDS,
    query: { bool: { filter } },
    post_filter: { range: { record_score: { gte: min } } },
    aggs: {
      above: { filter: { range: { record_score: { gte: min } } } },
      below: { filter: { range: { record_score: { lt: min } } } },
    },
    sort: [{ record_score: 'desc' }, { timestamp: 'desc' }],
  });
}

/** @param {string[]} jobs @param {Range} range @returns {ApiRequest} annotations that touch the range */
export function annotationsRequest(jobs, range) {
  return searchRequest('/.ml-annotations-read/_search?ignore_unavailable=true', {
    size: 500,
    seq_no_primary_term: true,
    query: {
      bool: {
        filter: [{ term: { type: 'annotation' } }, { terms: { job_id: jobs } },
          { range: { timestamp: { lt: range.end, format: 'epoch_millis' } } }],
        should: [
          { range: { end_timestamp: { gte: range.start, format: 'epoch_millis' } } },
          { range: { timestamp: { gte: range.start, format: 'epoch_millis' } } },
        ],
        minimum_should_match: 1,
      },
    },
    sort: [{ timestamp: 'desc' }],
  });
}

/** @param {number} since @returns {ApiRequest} how many warnings and errors each job has had */
export function troublesRequest(since) {
  return searchRequest('/.ml-notifications*/_search?ignore_unavailable=true', {
    size: 0,
    query: {
      bool: { filter: [{ terms: { level: ['warning', 'error'] } }, { range: { timestamp: { gte: since, format: 'epoch_millis' } } }] },
    },
    aggs: { jobs: { terms: { field: 'job_id', size: 1000 } } },
  });
}

/** @param {string} job @returns {ApiRequest} its latest messages */
export function messagesRequest(job) {
  return searchRequest('/.ml-notifications*/_search?ignore_unavailable=true', {
    size: 100,
    query: { bool: { filter: [{ term: { job_id: job } }] } },
    sort: [{ timestamp: 'desc' }],
  });
}

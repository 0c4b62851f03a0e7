// From answers to what is drawn, and the requests that ask for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { baseFunction, sourceSeries } from '../../../proxy/ui/detectors.js';
import { entityLanes, extentsOf, highestOf, namesOf, overallLanes, recordSeries, recordsOf, wholeRange } from '../../../proxy/ui/model.js';
import { MAX_BUCKETS, cellsRequests, influencedBy, overallRequest, recordsRequest } from '../../../proxy/ui/queries.js';
import { sourceBody } from '../../../proxy/ui/queries-series.js';

const RANGE = { start: 0, end: 400 };

test('the end of the results is the end of the last bucket', () => {
  const bucket = { key: 'a', doc_count: 3, first: { value: 100 }, last: { value: 5000 }, span: { value: 60 }, worst: { value: 9 } };
  const extents = extentsOf({ aggregations: { jobs: { buckets: [bucket] } } });
  assert.deepEqual(wholeRange(extents, ['a', 'unknown']), { start: 100, end: 65_000 });
  assert.equal(wholeRange(extents, ['unknown']), null);
});

test('scores land in the cell of their time and the highest stays', () => {
  const answer = { overall_buckets: [
    { timestamp: 0, overall_score: 10, jobs: [{ job_id: 'b', max_anomaly_score: 30 }] },
    { timestamp: 100, overall_score: 50, jobs: [{ job_id: 'a', max_anomaly_score: 60 }, { job_id: 'gone', max_anomaly_score: 99 }] },
    { timestamp: 150, overall_score: 20, jobs: [], is_interim: true },
    { timestamp: 400, overall_score: 70, jobs: [] },
  ] };
  const { overall, jobs } = overallLanes(answer, ['a', 'b'], RANGE, 100);
  assert.deepEqual([...overall.scores], [10, 50, 0, 0]);
  assert.deepEqual([...overall.interim], [0, 1, 0, 0]);
  assert.deepEqual([...jobs.scores], [0, 60, 0, 0, 30, 0, 0, 0]);
  assert.deepEqual(jobs.totals, [{ max: 60, sum: 60 }, { max: 30, sum: 30 }]);
});

test('lanes keep the order of their names whatever the order of the answer', () => {
  const lane = (key, at) => ({ key, cells: { buckets: [{ key: at, max: { value: 42 } }] } });
  const answers = [{ aggregations: { lanes: { buckets: [lane('b', 300), lane('a', 0)] } } }, {}];
  assert.deepEqual([...entityLanes(answers, ['a', 'b'], RANGE, 100).scores], [42, 0, 0, 0, 0, 0, 0, 42]);
});

test('no request asks for more buckets than the cluster answers', () => {
  const names = Array.from({ length: 200 }, (_, at) => `n${at}`);
  const requests = cellsRequests({ jobs: ['j'], range: { start: 0, end: 500 * 60_000 }, interval: 60_000, by: 'f', names });
  assert.ok(requests.length >= 2);
  const asked = requests.map((request) => request.body.aggs.lanes.terms.include);
  assert.deepEqual(asked.flat(), names);
  for (const include of asked) assert.ok(include.length * 500 <= MAX_BUCKETS);
});

test('ids are encoded and no more jobs averaged than there are', () => {
  const request = overallRequest(['a', 'b c'], { start: 0, end: 86_400_000 }, 86_400_000, 5);
  assert.match(request.path, /a,b%20c\/results/);
  assert.deepEqual(request.body, { start: '0', end: '86400000', bucket_span: '1d', top_n: 2 });
});

test('records are asked for half-open, above the threshold, and those below are counted', () => {
  const { body } = recordsRequest({ jobs: ['j'], range: RANGE, filters: [{ field: 'h', value: 'x' }], lanes: [], min: 25 });
  assert.deepEqual(body.query.bool.filter[2].range.timestamp, { gte: 0, lt: 400, format: 'epoch_millis' });
  assert.deepEqual(body.post_filter.range.record_score, { gte: 25 });
  assert.deepEqual(body.query.bool.filter[3], influencedBy({ field: 'h', value: 'x' }));
  const answer = { hits: { hits: [{ _source: { job_id: 'j' } }] }, aggregations: { above: { doc_count: 1 }, below: { doc_count: 14 } } };
  assert.deepEqual(recordsOf(answer), { records: [{ job_id: 'j' }], above: 1, below: 14 });
});

test('top influencers come in the order of the jobs\' own list', () => {
  const value = { key: 'v', max: { value: 9 }, sum: { value: 20 } };
  const fields = [{ key: 'z', values: { buckets: [value] } }, { key: 'a', values: { buckets: [] } }];
  const lanes = { count: { value: 212 }, names: { buckets: [value] } };
  const names = namesOf({ aggregations: { fields: { buckets: fields }, lanes } }, ['a', 'q']);
  assert.deepEqual(names.top.map((group) => group.field), ['a', 'z']);
  assert.deepEqual(names.top[1].values, [{ name: 'v', max: 9, sum: 20 }]);
  assert.equal(names.count, 212);
});

test('a grouped table keeps the highest record of each group', () => {
  const records = [{ timestamp: 5, s: 'x' }, { timestamp: 8, s: 'x' }, { timestamp: 9, s: 'y' }, { timestamp: 15, s: 'x' }];
  assert.deepEqual(highestOf(records, 10, (record) => record.s), [records[0], records[2], records[3]]);
  assert.equal(highestOf(records, 0, () => '').length, 4);
});

test('without a model or a source the values of the anomalies are the series', () => {
  const series = recordSeries([{ timestamp: 9, actual: [2] }, { timestamp: 1, causes: [{ actual: [7] }] }, { timestamp: 5 }], 10);
  assert.deepEqual([[...series.times], [...series.actual]], [[1, 9], [7, 2]]);
});

test('functions are drawn by what they watch, whichever side', () => {
  const cases = {
    high_mean: 'mean', low_non_zero_count: 'count', high_nzc: 'count', dc: 'distinct_count', non_null_sum: 'sum',
    high_non_null_sum: 'sum', avg: 'mean', rare: 'rare',
  };
  for (const [name, base] of Object.entries(cases)) assert.equal(baseFunction(name), base);
});

test('what cannot be drawn from the source names its reason', () => {
  const job = { analysis_config: {}, data_description: { time_field: 'ts' } };
  const feed = { indices: ['i'], query: { match_all: {} } };
  const reason = (detector, datafeed) => sourceSeries(job, detector, datafeed, 'mean').reason;
  assert.match(reason({ function: 'count' }, undefined), /no datafeed/);
  assert.match(reason({ function: 'rare', by_field_name: 'b' }, feed), /function rare/);
  assert.match(reason({ function: 'count', by_field_name: 'mlcategory' }, feed), /categories/);
  assert.match(reason({ function: 'count' }, { ...feed, aggregations: {} }), /aggregates/);
  assert.deepEqual(sourceSeries(job, { function: 'high_count' }, feed, 'mean'), { aggregation: null });
  const body = sourceBody({ job, datafeed: feed, entities: [{ field: 'h', value: 'x' }], range: RANGE, interval: 100, aggregation: { avg: { field: 'f' } } });
  assert.deepEqual(body.query.bool.filter[1].range.ts, { gte: 0, lt: 400, format: 'epoch_millis' });
  assert.deepEqual(body.query.bool.filter[2], { term: { h: 'x' } });
});

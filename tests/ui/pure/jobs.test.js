// Files of jobs, and when a datafeed is to start.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cloneText, exportEntry, freeName } from '../../../proxy/ui/job-files.js';
import { readShapes } from '../../../proxy/ui/job-shapes.js';
import { chartColumns, sampledRows, valueRange } from '../../../proxy/ui/chart-data.js';
import { chosenJobs, lanePage } from '../../../proxy/ui/selection.js';

const ANALYSIS = { analysis_config: { detectors: [] } };

test('what is no job is told', () => {
  const told = [['{', /no JSON/], ['[]', /no jobs/], ['7', /no object/], ['{}', /no job_id/], ['{"job_id":"a"}', /no analysis_config/]];
  for (const [text, words] of told) assert.throws(() => readShapes(text), words);
});

test('a clone is free of what makes the original managed, and has a name of its own', () => {
  const job = { job_id: 'a', ...ANALYSIS, custom_settings: { managed: true, custom_urls: [] }, datafeed_config: { datafeed_id: 'f', job_id: 'a' } };
  const made = JSON.parse(cloneText(job, null, 'a-copy'));
  assert.equal(made.job.job_id, 'a-copy');
  assert.deepEqual(made.job.custom_settings, { custom_urls: [] });
  assert.deepEqual([made.datafeed.job_id, made.datafeed.datafeed_id], ['a-copy', 'datafeed-a-copy']);
  assert.equal(freeName('a', ['a', 'a-copy']), 'a-copy-2');
  assert.equal(freeName('a-copy-2', ['a-copy']), 'a-copy-2');
});

test('jobs are chosen by id and by group, and unknown names are told', () => {
  const jobs = [{ job_id: 'a', groups: ['g'] }, { job_id: 'b' }];
  assert.deepEqual(chosenJobs(jobs, []).jobs, jobs);
  assert.deepEqual(chosenJobs(jobs, ['g', 'x']), { jobs: [jobs[0]], unknown: ['x'] });
});

test('pinned lanes stay on top of every page', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  assert.deepEqual(lanePage(names, { pin: ['d', 'gone'], rows: 2, page: 2 }), { shown: ['d', 'c', 'e'], pages: 2, first: 2, page: 2 });
  assert.deepEqual(lanePage(names, { pin: [], rows: 2, page: 99 }).shown, ['e']);
});

function series(times, actual, interval = 10) {
  const nothing = new Float64Array(times.length).fill(NaN);
  return { times: Float64Array.from(times), actual: Float64Array.from(actual), lower: nothing, upper: nothing, interval };
}

test('a gap in a series is a gap in its line', () => {
  const [times, , , actual] = chartColumns(series([0, 10, 50], [1, 2, 3]), null);
  assert.deepEqual(times, [0, 10, 20, 50]);
  assert.deepEqual(actual, [1, 2, null, 3]);
});

test('a forecast stands beside what is known', () => {
  const [times, , , actual, , , forecast] = chartColumns(series([0, 10], [1, 2]), series([10, 20], [5, 6]));
  assert.deepEqual([times, actual, forecast], [[0, 10, 20], [1, 2, null], [null, 5, 6]]);
});

test('the scale has room for every marker, and begins at nought where that is near', () => {
  const [least, most] = valueRange([[1, 2, null]], [{ value: 100 }]);
  assert.ok(least === 0 && most > 100);
  assert.deepEqual(valueRange([[null]], []), [0, 1]);
  const [low, high] = valueRange([[5, 5]], []);
  assert.ok(low < 5 && high > 5);
});

test('a table that stands for a chart stays short', () => {
  const columns = [Array.from({ length: 1000 }, (_, at) => at), Array(1000).fill(1)];
  assert.ok(sampledRows(columns, 100).length <= 100);
  assert.deepEqual(sampledRows([[1, 2], [3, 4]], 100), [[1, 3], [2, 4]]);
});

test('an export is nobody\'s to manage, and reads back as it is', () => {
  const job = { analysis_config: {}, custom_settings: { managed: true, custom_urls: [{ url_name: '漢' }] }, datafeed_config: { indices: ['i'] } };
  const entry = exportEntry(job, null, 'a'.repeat(64));
  assert.deepEqual(entry.job.custom_settings, { custom_urls: [{ url_name: '漢' }] });
  const [read] = readShapes(JSON.stringify(entry)).entries;
  assert.deepEqual([read.id, read.datafeed?.indices], ['a'.repeat(64), ['i']]);
});

// Cells of lanes: what a selection covers, where keys lead, what is said of a cell.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { blockOf, cellTexts, isWithin, keyTarget, selectedBlocks } from '../../../proxy/ui/lanes.js';

const HOUR = 3_600_000;
const model = { names: ['a', 'b', '', 'd'], start: 0, interval: HOUR, cells: 4, scores: Float32Array.from([0, 80, 0, 2, 0, 0, 0, 0, 5, 0, 0, 30, 0, 0, 0, 0]) };

test('a selection covers whole cells, neighbours together', () => {
  const t = { start: HOUR, end: 3 * HOUR };
  assert.deepEqual(selectedBlocks(model, { t, lanes: null }), [{ first: 1, last: 2, top: 0, bottom: 3 }]);
  assert.deepEqual(selectedBlocks(model, { t, lanes: ['d', 'a', 'b', 'gone'] }), [{ first: 1, last: 2, top: 0, bottom: 1 }, { first: 1, last: 2, top: 3, bottom: 3 }]);
  assert.deepEqual(selectedBlocks(model, { t: { start: 9 * HOUR, end: 10 * HOUR }, lanes: null }), []);
  assert.deepEqual(selectedBlocks(model, { t: null, lanes: null }), []);
});

test('both corners of a block may come first', () => {
  const block = blockOf({ lane: 3, cell: 0 }, { lane: 1, cell: 2 });
  assert.deepEqual(block, { first: 0, last: 2, top: 1, bottom: 3 });
  assert.ok(isWithin([block], { lane: 2, cell: 1 }) && !isWithin([block], { lane: 0, cell: 1 }));
});

test('keys lead to the neighbours, the ends and the next anomaly, and never out of the lanes', () => {
  const from = { lane: 0, cell: 0 };
  const to = (key, place = from, min = 0) => keyTarget(key, model, place, min);
  assert.deepEqual(to('ArrowRight'), { lane: 0, cell: 1 });
  assert.deepEqual(to('ArrowLeft'), from);
  assert.deepEqual(to('PageDown'), { lane: 3, cell: 0 });
  assert.deepEqual(to('End'), { lane: 0, cell: 3 });
  assert.deepEqual(to('.'), { lane: 0, cell: 1 });
  assert.deepEqual(to('.', { lane: 0, cell: 1 }), { lane: 0, cell: 1 }, 'a score of 2 is no warning');
  assert.deepEqual(to('.', { lane: 2, cell: 0 }, 50), { lane: 2, cell: 0 });
  assert.deepEqual(to(',', { lane: 2, cell: 3 }), { lane: 2, cell: 0 });
  for (const other of ['x', 'toString', 'Tab']) assert.equal(to(other), null);
});

test('a cell is told with its lane, time, score and severity', () => {
  assert.deepEqual(cellTexts(model, { lane: 0, cell: 1 }, 'utc', 'bucket score'), ['a', '1 Jan 1970, 01:00 to 02:00', 'bucket score 80, critical']);
  assert.deepEqual(cellTexts(model, { lane: 2, cell: 1 }, 'utc', 'bucket score'), ['(empty)', '1 Jan 1970, 01:00 to 02:00', 'no bucket score']);
});

test('a cell that may still change says so', () => {
  const interim = Uint8Array.from([0, 1, 0, 0]);
  const text = cellTexts({ ...model, names: ['a'], interim }, { lane: 0, cell: 1 }, 'utc', 'bucket score')[2];
  assert.equal(text, 'bucket score 80, critical, interim: it may still change');
});

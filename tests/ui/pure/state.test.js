// The address and the state, entities, links and custom URLs.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { customLink } from '../../../proxy/ui/custom-urls.js';
import { BY_JOB, defaultViewBy, detectorShort, entitiesOf, foundFor, seriesTitle } from '../../../proxy/ui/entities.js';
import { recordLink } from '../../../proxy/ui/links.js';
import { readState, writeState } from '../../../proxy/ui/state.js';

const HOSTILE = ['<b>x</b>', 'a:b', 'a\\b', '"\'', '', 'šŽ漢🙂', '\u202Ertl', 'x'.repeat(10_000), 'a&b=c#d?e', 'new\nline', '%41+ '];

function reread(address) {
  const [view, search = ''] = address.split(/\?(.*)/s);
  return readState(view, search);
}

test('whatever is selected comes back from its address', () => {
  for (const value of HOSTILE) {
    const asked = {
      view: 'explorer', job: ['web', 'db'], lane: [value, 'b'], pin: [value], f: [{ field: value || 'f', value }],
      t: { start: 1, end: 2 }, from: 'now-30d', to: 'now', by: 'host.name', min: 25, mode: 'bars',
    };
    const { state, notices } = reread(writeState(asked));
    assert.deepEqual(notices, []);
    for (const name of Object.keys(asked)) assert.deepEqual(state[name], asked[name], name);
  }
});

test('entities of a series come back whatever they are called', () => {
  for (const value of HOSTILE) {
    const entities = [{ field: value || 'f', value }, { field: 'b.c', value: 'd' }];
    const { state } = reread(writeState({ view: 'metric', job: ['j'], det: 3, entities, zoom: { start: 5, end: 9 } }));
    assert.deepEqual(state.entities, entities);
    assert.equal(state.det, 3);
  }
});

test('the default state has an empty address', () => {
  assert.equal(writeState(readState('explorer', '').state), 'explorer');
});

test('addresses stay readable', () => {
  const address = writeState({ view: 'explorer', job: ['web', 'db'], t: { start: 1, end: 2 }, f: [{ field: 'host', value: 'w1' }] });
  assert.equal(address, 'explorer?job=web,db&t=1..2&f=host:w1');
});

test('bad values fall back and are told', () => {
  const { state, notices } = readState('explorer', '?min=abc&t=9..1&group=week&f=nocolon&rows=0');
  assert.deepEqual([state.min, state.t, state.group, state.f, state.rows], [0, null, 'auto', [], 20]);
  assert.equal(notices.length, 5);
  assert.equal(readState('nonsense', '').state.view, 'jobs');
});

function job(detector, influencers) {
  return { job_id: 'a', analysis_config: { detectors: [{ function: 'mean', ...detector }], influencers } };
}

test('lanes show jobs if there are several, else what splits the first detector', () => {
  const split = job({ by_field_name: 'b', partition_field_name: 'p' }, ['x', 'b', 'p']);
  assert.equal(defaultViewBy([split, split]), BY_JOB);
  assert.equal(defaultViewBy([split]), 'p');
  assert.equal(defaultViewBy([job({ by_field_name: 'b' }, ['x', 'b'])]), 'b');
  assert.equal(defaultViewBy([job({ by_field_name: 'b', over_field_name: 'o' }, ['x', 'b'])]), 'x', 'by does not count beside over');
  assert.equal(defaultViewBy([job({ by_field_name: 'b' }, [])]), BY_JOB);
});

const RECORD = {
  job_id: 'web', timestamp: 1_000_000_000, bucket_span: 900, detector_index: 1, by_field_name: 'b', by_field_value: '',
  partition_field_name: 'p', partition_field_value: 'v', influencers: [{ influencer_field_name: 'host.name', influencer_field_values: ['h 1'] }],
};

test('a record belongs to all of its entities and is found for the innermost', () => {
  assert.deepEqual(entitiesOf(RECORD), [{ field: 'p', value: 'v' }, { field: 'b', value: '' }]);
  assert.deepEqual(foundFor(RECORD), { field: 'b', value: '' });
});

test('the link to a series opens its job, detector, entities and time', () => {
  const { state } = reread(recordLink(RECORD, 'local'));
  assert.deepEqual([state.job, state.det, state.tz], [['web'], 1, 'local']);
  assert.deepEqual(state.entities, entitiesOf(RECORD));
  assert.ok(state.zoom.start < RECORD.timestamp && state.zoom.end > RECORD.timestamp + 900_000);
});

test('custom URLs carry values of the record, encoded', () => {
  const url = { url_name: 'n', url_value: 'https://x/?p=$partition_field_value$&h=$host.name$&m=$missing$&from=$earliest$', time_range: '1h' };
  const earliest = encodeURIComponent(new Date(1_000_000_000 - 3_600_000).toISOString());
  assert.equal(customLink(url, RECORD).href, `https://x/?p=v&h=h%201&m=&from=${earliest}`);
});

test('only http, https and relative addresses are followed', () => {
  for (const bad of ['javascript:alert(1)', ' java\nscript:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd']) {
    assert.equal(customLink({ url_name: 'n', url_value: bad }, RECORD).href, null, bad);
  }
  assert.equal(customLink({ url_name: 'n', url_value: '/local/$job_id$' }, RECORD).href, '/local/web');
  assert.match(customLink({ url_name: 'n', url_value: 'discover#/view' }, RECORD).reason, /Kibana/);
});

test('beside its entities a detector is told without their fields, unless somebody described it', () => {
  const detector = { detector_index: 0, function: 'mean', field_name: 'took', partition_field_name: 'host' };
  for (const text of [undefined, 'mean(took)', 'mean(took) partitionfield=host', 'mean(took) by x over y']) {
    assert.equal(detectorShort({ ...detector, detector_description: text }), 'mean(took)');
  }
  assert.equal(detectorShort({ ...detector, detector_description: 'slow answers by host' }), 'slow answers by host');
  assert.equal(seriesTitle(detector, [{ field: 'host', value: '' }, { field: 'path', value: '/' }]), 'mean(took) · host (empty) · path /');
});

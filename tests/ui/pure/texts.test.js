// Severities, numbers, changes, the explanation, CSV and curl.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { toCsv } from '../../../proxy/ui/csv.js';
import { toCurl } from '../../../proxy/ui/curl.js';
import { explanationLines, impactBoxes, isMultiBucket } from '../../../proxy/ui/explain.js';
import { bytesText, changeText, numberText, scoreText } from '../../../proxy/ui/format.js';
import { PALETTES, colourTable, rgb, severityWord } from '../../../proxy/ui/severity.js';

test('severities begin at 0, 3, 25, 50 and 75', () => {
  const words = [0, 2.99, 3, 24.9, 25, 49.9, 50, 74.9, 75, 100].map(severityWord);
  assert.deepEqual(words, ['low', 'low', 'warning', 'warning', 'minor', 'minor', 'major', 'major', 'critical', 'critical']);
});

/** CIE L*a*b* of a colour. */
function lab(hex) {
  const linear = rgb(hex).map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  const [r, g, b] = linear;
  const xyz = [(0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047, 0.2126 * r + 0.7152 * g + 0.0722 * b,
    (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883];
  const [x, y, z] = xyz.map((part) => (part > 0.008856 ? Math.cbrt(part) : 7.787 * part + 16 / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

for (const [theme, palette] of Object.entries(PALETTES)) {
  test(`the ${theme} palette is monotone in lightness and its closest pair is 20 apart`, () => {
    const labs = palette.map(lab);
    const lightness = labs.map(([l]) => l);
    assert.deepEqual(lightness, [...lightness].sort((a, b) => (theme === 'light' ? b - a : a - b)));
    for (let a = 0; a < labs.length; a += 1) {
      for (let b = a + 1; b < labs.length; b += 1) assert.ok(Math.hypot(...labs[a].map((part, at) => part - labs[b][at])) >= 20);
    }
  });
}

test('the colour table holds opaque pixels of the severities', () => {
  const table = colourTable(PALETTES.light);
  assert.equal(table[74], table[50]);
  assert.notEqual(table[74], table[75]);
  assert.equal(table[75] >>> 24, 255);
  assert.equal(table[75] & 255, 0x66);
});

test('numbers are short and scores never round into the next severity', () => {
  assert.deepEqual([0, 0.1234, 12.345, 1234.6, 5_432_100, 1e-7].map(numberText), ['0', '0.123', '12.35', '1,235', '5.43 M', '1.00e-7']);
  assert.deepEqual([74.99, 0.5, 0, 100].map(scoreText), ['74', '<1', '0', '100']);
  assert.deepEqual([512, 2048, 5e7].map(bytesText), ['512 B', '2.0 kB', '48 MB']);
});

test('changes are told as Kibana tells them', () => {
  const cases = [
    [[98], [31], '3x higher'], [[31], [98], '3x lower'], [[12], [10], '1.2x higher'], [[1.04], [1], 'unusually high'],
    [[0], [5], 'unexpected zero value'], [[5], [0], 'unexpected non-zero value'], [[1010], [10], 'more than 100x higher'],
    [[100], [-100], 'unusually high'], [[1, 2], [3, 4], 'unusual values'], [[], [1], ''],
  ];
  for (const [actual, typical, text] of cases) assert.equal(changeText(actual, typical), text);
});

test('impacts fill boxes by the cuts 2, 4, 7 and 12', () => {
  assert.deepEqual([0, 1.9, 2, 3.9, 4, 6.9, 7, 11.9, 12, 99].map(impactBoxes), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
});

const RECORD = { record_score: 80, initial_record_score: 95.12345, bucket_span: 900, multi_bucket_impact: 0, by_field_value: 'x' };

test('the explanation says what is there and only that', () => {
  const explanation = {
    anomaly_type: 'dip', anomaly_length: 3, single_bucket_impact: 5, high_variance_penalty: true, incomplete_bucket_penalty: false,
  };
  const lines = explanationLines({ ...RECORD, anomaly_score_explanation: explanation });
  assert.deepEqual(lines.map(({ term, text }) => [term, text]), [
    ['Type', 'Dip over 3 buckets (45 m)'], ['Single-bucket impact', 'medium'], ['Record score reduction', '95.123 → 80'],
    ['High variance interval', 'yes'], ['Incomplete bucket', 'no'],
  ]);
  assert.equal(lines[1].boxes, 3);
  assert.deepEqual(explanationLines({ ...RECORD, record_score: 85.2 }), [], 'a reduction of less than ten is not told');
});

test('first occurrences and rarity are told', () => {
  const rare = { by_field_relative_rarity: 12 };
  assert.match(explanationLines({ ...RECORD, initial_record_score: 80, anomaly_score_explanation: rare })[0].text, /12x rarer/);
  const first = { by_field_first_occurrence: true, by_field_relative_rarity: 2 };
  const lines = explanationLines({ ...RECORD, initial_record_score: 80, anomaly_score_explanation: first });
  assert.deepEqual(lines.map((line) => line.term), ['First occurrence']);
});

test('a cross needs more impact of the buckets before than of the bucket itself', () => {
  const of = (single, multi) =>
    isMultiBucket({ ...RECORD, anomaly_score_explanation: { single_bucket_impact: single, multi_bucket_impact: multi } });
  assert.equal(of(5, 0), false);
  assert.equal(of(5, undefined), false);
  assert.equal(of(6, 5), false);
  assert.equal(of(0, 5), true);
  assert.equal(of(5, 5.5), false, '1.7 * 5.5 * 0.5 / 5 is below 2');
  assert.equal(of(5, 7), true);
  assert.equal(isMultiBucket({ ...RECORD, multi_bucket_impact: 2 }), true, 'without an explanation the plain impact tells');
  assert.equal(isMultiBucket({ ...RECORD, multi_bucket_impact: 1.9 }), false);
});

test('CSV survives quotes, lines and formulas', () => {
  assert.equal(toCsv(['a', 'b'], [['x,"y"', 1], ['=1+1', -5], ['line\nbreak', null]]),
    'a,b\r\n"x,""y""",1\r\n\'=1+1,-5\r\n"line\nbreak",\r\n');
});

test('a curl command keeps quotes as data', () => {
  assert.match(toCurl({ method: 'POST', path: '/x', body: { q: "it's; rm -rf /" } }, 'http://h'), /it'\\''s; rm -rf/);
  assert.equal(toCurl({ method: 'GET', path: "/a'b" }, 'http://h'), "curl -X GET 'http://h/a'\\''b'");
});

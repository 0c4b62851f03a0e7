// Intervals, ranges and texts of time, in several zones and across changes of the clocks.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { agoText, rangeText, timeText, timeTicks } from '../../../proxy/ui/clock.js';
import { DAY, HOUR, MINUTE, alignRange, apiDuration, cellInterval, cellsOf, moved, parseDuration, parseTime, resolveRange,
  scaledRange, spanText } from '../../../proxy/ui/time.js';

const FEB_8 = Date.UTC(2013, 1, 8);

test('durations are read as Elasticsearch reads them', () => {
  assert.equal(parseDuration('15m'), 15 * MINUTE);
  assert.equal(parseDuration('1w'), 7 * DAY);
  for (const wrong of ['', '15', 'm', '1.5h', '-1d', '1x']) assert.ok(Number.isNaN(parseDuration(wrong)), wrong);
});

test('a duration is written in the largest unit that keeps it exact', () => {
  assert.deepEqual([DAY, 90 * MINUTE, 1500, 36 * HOUR].map(apiDuration), ['1d', '90m', '1500ms', '36h']);
  assert.deepEqual([DAY, 90 * MINUTE, 500].map(spanText), ['1 d', '1 h 30 m', '500 ms']);
});

test('a range grows and shrinks around a time that stays where it is', () => {
  const range = { start: 0, end: 10 * HOUR };
  assert.deepEqual(scaledRange(range, 2 * HOUR, 0.5), { start: HOUR, end: 6 * HOUR });
  assert.deepEqual(scaledRange(range, 0, 2), { start: 0, end: 20 * HOUR });
  const shortest = scaledRange(range, HOUR, 1e-9);
  assert.equal(shortest.end - shortest.start, MINUTE);
});

test('times are epoch milliseconds, dates or distances from now', () => {
  assert.equal(parseTime('1700000000000', 0), 1_700_000_000_000);
  assert.equal(parseTime('now-30d', 100 * DAY), 70 * DAY);
  assert.equal(parseTime('now', 5), 5);
  assert.equal(parseTime('2013-02-08T00:00:00Z', 0), FEB_8);
  for (const wrong of ['yesterday', 'now-', 'now-3', '12:00']) assert.ok(Number.isNaN(parseTime(wrong, 0)), wrong);
});

test('no range means all results, and half a range is filled from them', () => {
  const results = { start: 10 * DAY, end: 20 * DAY };
  assert.deepEqual(resolveRange({ from: '', to: '' }, 50 * DAY, results), results);
  assert.deepEqual(resolveRange({ from: 'now-35d', to: '' }, 50 * DAY, results), { start: 15 * DAY, end: 20 * DAY });
  assert.equal(resolveRange({ from: '', to: '' }, 50 * DAY, null), null);
});

test('the interval is a multiple of the span and cuts into few enough cells', () => {
  for (const span of [MINUTE, 7 * MINUTE, 15 * MINUTE, HOUR, DAY]) {
    for (const length of [HOUR, 5 * DAY, 365 * DAY, 3650 * DAY]) {
      for (const most of [20, 97, 500]) {
        const range = { start: FEB_8 + 12345, end: FEB_8 + 12345 + length };
        const interval = cellInterval(range, span, most);
        assert.equal(interval % span, 0);
        assert.ok(cellsOf(alignRange(range, interval), interval) <= most, `${span} ${length} ${most} ${interval}`);
      }
    }
  }
  assert.equal(cellInterval({ start: FEB_8, end: FEB_8 + 365 * DAY }, DAY, 500), DAY);
  assert.equal(cellInterval({ start: FEB_8, end: FEB_8 + 365 * DAY }, 15 * MINUTE, 500), DAY);
});

test('aligned ranges are half-open and begin where histograms begin', () => {
  assert.deepEqual(alignRange({ start: 5, end: 20 }, 10), { start: 0, end: 20 });
  assert.deepEqual(alignRange({ start: 10, end: 21 }, 10), { start: 10, end: 30 });
  assert.deepEqual(alignRange({ start: 10, end: 10 }, 10), { start: 10, end: 20 });
});

test('a range is shifted by its own length and stretched around its middle', () => {
  assert.deepEqual(moved({ start: 10 * DAY, end: 20 * DAY }, 0.5), { start: 15 * DAY, end: 25 * DAY });
  assert.deepEqual(moved({ start: 10 * DAY, end: 20 * DAY }, 0, 2), { start: 5 * DAY, end: 25 * DAY });
});

test('texts of ranges name a whole day by itself', () => {
  assert.equal(rangeText({ start: FEB_8, end: FEB_8 + DAY }, 'utc'), 'Fri 8 Feb 2013');
  assert.equal(rangeText({ start: FEB_8, end: FEB_8 + 3 * DAY }, 'utc'), '8 Feb 2013 to 10 Feb 2013');
  assert.equal(rangeText({ start: FEB_8 + 6 * HOUR, end: FEB_8 + 12 * HOUR }, 'utc'), '8 Feb 2013, 06:00 to 12:00');
  assert.equal(timeText(FEB_8 + 1000, 'utc'), '8 Feb 2013, 00:00:01');
  assert.deepEqual([4000, 120 * 1000, 3 * DAY].map(agoText), ['4 s ago', '2 min ago', '3 d ago']);
});

test('ticks do not crowd and stand on round times', () => {
  for (const length of [MINUTE, HOUR, DAY, 30 * DAY, 365 * DAY, 9000 * DAY]) {
    const ticks = timeTicks({ start: FEB_8, end: FEB_8 + length }, 900, 'utc');
    assert.ok(ticks.length >= 1 && ticks.length <= 11, `${length}: ${ticks.length}`);
    assert.ok(ticks.every(({ text }) => text !== ''));
  }
  const months = timeTicks({ start: Date.UTC(2013, 0, 1), end: Date.UTC(2014, 0, 1) }, 1200, 'utc').map((tick) => tick.text);
  assert.deepEqual(months.slice(0, 3), ['Jan 2013', 'Feb', 'Mar']);
});

const IN_ZONE = `
  import { timeTicks } from '${new URL('../../../proxy/ui/clock.js', import.meta.url)}';
  const [start, end] = [new Date(2024, 2, 8).getTime(), new Date(2024, 2, 13).getTime()];
  const days = timeTicks({ start, end }, 450, 'local');
  const hours = timeTicks({ start: new Date(2024, 2, 9, 12).getTime(), end: new Date(2024, 2, 10, 18).getTime() }, 500, 'local');
  console.log(JSON.stringify([days, hours].map((ticks) => ticks.map(({ time }) => new Date(time).toString().slice(16, 21)))));
`;

for (const zone of ['UTC', 'America/New_York', 'Asia/Kolkata']) {
  test(`local ticks stand on midnights and whole hours of ${zone}, also over a change of the clocks`, () => {
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', IN_ZONE], { env: { ...process.env, TZ: zone } });
    const [days, hours] = JSON.parse(String(printed));
    assert.ok(days.length >= 4 && days.every((text) => text === '00:00'), String(days));
    assert.ok(hours.length >= 3 && hours.every((text) => Number(text.slice(0, 2)) % 6 === 0 && text.endsWith(':00')), String(hours));
  });
}

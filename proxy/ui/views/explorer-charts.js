// The charts of the explorer: the worst series of what is shown, each with its bounds and its anomalies.

import { partFailure } from '../api.js';
import { html, nothing } from '../vendor/lit-html.js';
import { recordKey, seriesOf, seriesText, seriesTitle } from '../entities.js';
import { isMultiBucket } from '../explain.js';
import { seriesLink } from '../links.js';
import { recordSeries, valueOf } from '../model.js';
import { Panel } from '../panel.js';
import { multiSearch } from '../queries-series.js';
import { searchOf } from '../series-source.js';
import { SECOND, alignRange, cellInterval } from '../time.js';
import { scoreBadge } from '../widgets/parts.js';
import '../widgets/metric-chart.js';

/** @import {App} from '../app.js' */
/** @import {AnomalyRecord, Detector, Job, Range, Series, SeriesKey} from '../types.d.ts' */
/** @import {Marker} from '../chart-data.js' */
/**
 * @typedef {object} Chart
 * @property {SeriesKey} key @property {Job} job @property {Detector} detector
 * @property {AnomalyRecord[]} records @property {Range} range @property {number} interval
 * @property {string} origin what the line is made of
 * @property {{indices: string, body: object, read: (answer: any) => Series} | null} search
 */

const MOST_CHARTS = 6;
const MOST_POINTS = 500;
/** A chart of a selection shows at least so many buckets, so that one sees what was usual. */
const LEAST_BUCKETS = 60;

export class ExplorerCharts {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** @type {Panel<(Series | null)[]>} of the charts that search */
    this.panel = new Panel(() => app.changed());
    /** @type {Chart[]} */
    this.charts = [];
    /** @type {AnomalyRecord[] | null} */
    this.records = null;
    /** @type {Map<Chart, object>} drawings, made once each */
    this.drawn = new Map();
    this.drawnKey = '';
  }

  /**
   * @param {AnomalyRecord[] | null} records null leaves what is shown
   * @param {Job[]} jobs @param {Range | null} t @param {{range: Range}} grid
   */
  update(records, jobs, t, grid) {
    if (records === null) return;
    if (records !== this.records) {
      this.records = records;
      this.charts = chartsOf(records, jobs, t, grid.range);
    }
    const searching = this.charts.filter((chart) => chart.search !== null);
    const request = multiSearch(searching.map((chart) => /** @type {{indices: string, body: object}} */ (chart.search)));
    this.panel.load(searching.length > 0 ? [request] : [], ([answer]) => {
      const failed = partFailure(request, answer);
      if (failed) throw failed;
      return answer.responses.map((/** @type {any} */ part, /** @type {number} */ at) => searching[at].search?.read(part) ?? null);
    }, this.app.round);
  }

  /** @param {Chart} chart @returns {Series | null} */
  #seriesFor(chart) {
    if (!chart.search) return recordSeries(chart.records, chart.interval);
    const at = this.charts.filter((each) => each.search !== null).indexOf(chart);
    return this.panel.isCurrent ? this.panel.data?.[at] ?? null : null;
  }

  /** @param {Chart} chart */
  #drawing(chart) {
    const series = this.#seriesFor(chart);
    const zone = this.app.state.tz;
    const known = /** @type {any} */ (this.drawn.get(chart));
    if (known && known.series === series && known.zone === zone) return known;
    if (known && series === null) return known;
    const drawing = { series, markers: markersOf(chart.records), range: seenRange(chart, series), zone, label: titleOf(chart) };
    this.drawn.set(chart, drawing);
    return drawing;
  }

  /** @param {{highlight: string | null, point: (key: string | null) => void, open: (key: string) => void, zoom: (range: Range) => void}} view */
  render({ highlight, point, open, zoom }) {
    if (this.charts.length === 0) return nothing;
    for (const chart of this.drawn.keys()) if (!this.charts.includes(chart)) this.drawn.delete(chart);
    return html`<section class="panel"><div class="panel-head"><h2>Series</h2><span class="dim">highest record scores first</span></div>
      ${this.panel.status === 'failed' ? html`<p class="failure" role="alert">${this.panel.error?.type} ${this.panel.error?.reason}</p>` : nothing}
      <div class="charts">${this.charts.map((chart) => html`<figure>
        <figcaption><span class="chart-title" title=${titleOf(chart)}>${titleOf(chart)}</span>${scoreBadge(chart.records[0].record_score)}
          <a href=${seriesLink(chart.key, this.#drawing(chart)?.range ?? chart.range, this.app.state.tz)}>Open<span class="unseen"> the series ${titleOf(chart)}</span></a></figcaption>
        <metric-chart small height="150" .drawing=${this.#drawing(chart)} .highlight=${highlight}
          @chart-hover=${(/** @type {CustomEvent} */ event) => point(event.detail)} @chart-mark=${(/** @type {CustomEvent} */ event) => open(event.detail)}
          @chart-drag=${(/** @type {CustomEvent} */ event) => zoom(event.detail)}
          @chart-zoom=${(/** @type {CustomEvent} */ event) => zoom(event.detail)}></metric-chart>
        <p class="dim origin">${chart.origin}</p></figure>`)}</div></section>`;
  }
}

/** Begins where the series does. @param {Chart} chart @param {Series | null} series @returns {Range} */
function seenRange({ range, records, interval }, series) {
  const first = Math.min(series?.times[0] ?? range.start, ...records.map((record) => record.timestamp));
  return { start: Math.max(range.start, first - interval), end: range.end };
}

/** @param {Chart} chart */
function titleOf(chart) {
  return seriesTitle(chart.detector, chart.key.entities);
}

/** @param {AnomalyRecord[]} records @returns {Marker[]} */
export function markersOf(records) {
  return records.flatMap((record) => {
    const value = valueOf(record);
    if (value === null) return [];
    return [{ time: record.timestamp, value, score: record.record_score, cross: isMultiBucket(record), key: recordKey(record) }];
  });
}

/**
 * @param {AnomalyRecord[]} records highest first @param {Job[]} jobs @param {Range | null} t @param {Range} all
 * @returns {Chart[]}
 */
function chartsOf(records, jobs, t, all) {
  /** @type {Map<string, AnomalyRecord[]>} */
  const bySeries = new Map();
  for (const record of records) {
    const text = seriesText(seriesOf(record));
    const known = bySeries.get(text);
    if (known) known.push(record);
    else if (bySeries.size < MOST_CHARTS) bySeries.set(text, [record]);
  }
  return [...bySeries.values()].flatMap((each) => {
    const job = jobs.find(({ job_id: id }) => id === each[0].job_id);
    const detector = job?.analysis_config.detectors[each[0].detector_index];
    return job && detector ? [chartOf(job, detector, each, t, all)] : [];
  });
}

/** @param {Job} job @param {Detector} detector @param {AnomalyRecord[]} records @param {Range | null} t @param {Range} all */
function chartOf(job, detector, records, t, all) {
  const span = records[0].bucket_span * SECOND;
  const wanted = t ? around(t, span, all) : all;
  const interval = cellInterval(wanted, span, MOST_POINTS);
  const range = alignRange(wanted, interval);
  const key = seriesOf(records[0]);
  const { origin, search } = searchOf({ job, detector, entities: key.entities, range, interval, fn: 'mean' });
  return { key, job, detector, records, range, interval, origin, search };
}

/** @param {Range} t @param {number} span @param {Range} all @returns {Range} with what came before and after */
function around(t, span, all) {
  const room = Math.max(t.end - t.start, (LEAST_BUCKETS * span - (t.end - t.start)) / 2);
  return { start: Math.max(all.start, t.start - room), end: Math.min(all.end, t.end + room) };
}

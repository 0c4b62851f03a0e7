// <metric-chart>: a series with its bounds, anomalies, annotations and a forecast, drawn by uPlot.
// Focusable: arrow keys move the cursor, a live region says what is there. What a drag means is the view's matter.

import uPlot from '../vendor/uplot.js';
import { html, render } from '../vendor/lit-html.js';
import { COLUMNS, chartColumns, sampledRows, valueRange } from '../chart-data.js';
import { timeText, timeTicks } from '../clock.js';
import { numberText, scoreText } from '../format.js';
import { severityWord } from '../severity.js';
import { drawBrush, drawMarkers, drawNotes, nearestMarker } from './chart-painting.js';
import { onCursor, publishCursor, showTooltip } from './cursor.js';
import { theme } from './theme.js';
import { WheelZoom } from './wheel.js';

/** @import {Range, Series, Zone} from '../types.d.ts' */
/** @import {Column, Marker} from '../chart-data.js' */
/**
 * @typedef {object} Drawing
 * @property {Series | null} series
 * @property {Series | null} [forecast]
 * @property {Marker[]} markers
 * @property {{start: number, end: number, text: string}[]} [notes] annotations
 * @property {Range} [brush] what is shown elsewhere at full size
 * @property {Range} range
 * @property {Zone} zone
 * @property {boolean} [bounds] whether the band is shown
 * @property {string} label for people who do not see it
 */

const SPOKEN_ROWS = 100;
const SPEAK_AFTER_MS = 300;
/** A press that moved less is a click. */
const DRAG_PX = 4;
let count = 0;

export class MetricChart extends HTMLElement {
  /** @type {Drawing | null} */ #drawing = null;
  /** @type {uPlot | null} */ #plot = null;
  /** @type {Column[]} */ #columns = [];
  /** @type {string | null} */ #highlight = null;
  #key = '';
  #id = `chart-${(count += 1)}`;
  #speak = 0;
  /** @type {(() => void)[]} */ #ends = [];

  /** @param {Drawing | null} drawing a new object where something changed */
  set drawing(drawing) {
    if (drawing === this.#drawing) return;
    this.#drawing = drawing;
    if (this.isConnected) this.#draw();
  }
  get drawing() { return this.#drawing; }
  /** @param {string | null} key of the marker that is pointed at elsewhere */
  set highlight(key) {
    if (key === this.#highlight) return;
    this.#highlight = key;
    this.#plot?.redraw(false);
  }
  get height() { return Number(this.getAttribute('height') ?? 280); }
  get isSmall() { return this.hasAttribute('small'); }

  connectedCallback() {
    const observer = new ResizeObserver(() => this.#resize());
    observer.observe(this);
    this.#ends = [() => observer.disconnect(), theme.onChange(() => this.#redo()), onCursor((time, from) => this.#follow(time, from))];
    this.#draw();
  }

  disconnectedCallback() {
    for (const end of this.#ends) end();
    this.#plot?.destroy();
    this.#plot = null;
    this.#key = '';
  }

  #redo() {
    this.#key = '';
    this.#draw();
  }

  #draw() {
    const drawing = this.#drawing;
    this.#frame();
    if (!drawing || this.clientWidth === 0) return;
    this.#columns = chartColumns(drawing.series, drawing.forecast ?? null);
    const key = `${drawing.zone} ${drawing.bounds}`;
    if (!this.#plot || key !== this.#key) {
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(drawing), /** @type {any} */ (this.#columns), /** @type {HTMLElement} */ (this.querySelector('.chart-plot')));
      this.#plot.over.addEventListener('mouseleave', this.#leave);
      this.#key = key;
    } else {
      this.#plot.setData(/** @type {any} */ (this.#columns), false);
      this.#plot.setScale('x', { min: drawing.range.start, max: drawing.range.end });
      this.#plot.redraw(true);
    }
  }

  #frame() {
    const drawing = this.#drawing;
    render(html`
      <div class="chart-plot" role="group" tabindex="0" aria-label=${drawing?.label ?? 'Chart'} aria-details=${`${this.#id}-table`}
        .style=${`height:${this.height}px`} @keydown=${this.#keydown} @pointerdown=${(/** @type {PointerEvent} */ event) => { this.#pressedAt = event.clientX; }}
        @click=${this.#clicked} @dblclick=${() => this.dispatchEvent(new CustomEvent('chart-reset'))} @wheel=${this.#wheel}></div>
      <div class="unseen" aria-live="polite"></div>
      <div class="unseen" id=${`${this.#id}-table`}></div>`, this, { host: this });
    if (drawing && !this.isSmall) this.#table(drawing);
  }

  /** @param {Drawing} drawing */
  #table(drawing) {
    const holder = /** @type {HTMLElement} */ (this.querySelector(`#${this.#id}-table`));
    const rows = sampledRows(chartColumns(drawing.series, null), SPOKEN_ROWS);
    render(html`<table><caption>${drawing.label}</caption>
      <tr><th>Time</th><th>Actual</th><th>Lower bound</th><th>Upper bound</th></tr>
      ${rows.map(([time, lower, upper, actual]) => html`<tr><td>${timeText(Number(time), drawing.zone)}</td>
        <td>${shown(actual)}</td><td>${shown(lower)}</td><td>${shown(upper)}</td></tr>`)}</table>`, holder);
  }

  /** @param {Drawing} drawing @returns {uPlot.Options} */
  #options(drawing) {
    const colours = theme.charts();
    const axis = { stroke: colours.text, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
    const line = (/** @type {string} */ stroke, width = 1.5, dash = /** @type {number[] | undefined} */ (undefined)) =>
      ({ stroke, width, dash, points: { show: showPoints, size: 4, fill: stroke } });
    const edge = (/** @type {boolean} */ show) => ({ show, width: 0, points: { show: false } });
    return {
      width: this.clientWidth, height: this.height, ms: 1, padding: [10, 12, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
      scales: {
        x: { time: false, range: () => this.#range() },
        y: { range: () => valueRange(this.#shownColumns(), this.#drawing?.markers ?? []) },
      },
      axes: [
        { ...axis, size: 28,
          splits: (plot) => timeTicks(this.#rangeObject(), plot.bbox.width / devicePixelRatio, this.#zone, this.isSmall ? 70 : 84).map((tick) => tick.time),
          values: (plot) => timeTicks(this.#rangeObject(), plot.bbox.width / devicePixelRatio, this.#zone, this.isSmall ? 70 : 84).map((tick) => tick.text) },
        { ...axis, size: this.isSmall ? 46 : 58, values: (_, splits) => splits.map((value) => numberText(value)), space: this.isSmall ? 36 : 44 },
      ],
      series: [{}, edge(drawing.bounds !== false), edge(drawing.bounds !== false), line(colours.line), edge(true), edge(true), line(colours.forecast, 1.5, [6, 3])],
      bands: [{ series: [2, 1], fill: colours.band }, { series: [5, 4], fill: colours.forecastBand }],
      hooks: {
        drawClear: [(plot) => drawNotes(plot, this.#drawing?.notes ?? [], colours)],
        draw: [(plot) => drawBrush(plot, this.#drawing?.brush, colours), (plot) => drawMarkers(plot, this.#drawing?.markers ?? [], colours, this.#highlight, this.isSmall)],
        setCursor: [(plot) => this.#moved(plot)],
        setSelect: [(plot) => this.#selected(plot)],
      },
    };
  }

  get #zone() { return this.#drawing?.zone ?? 'utc'; }
  /** @returns {Range} */
  #rangeObject() { return this.#drawing?.range ?? { start: 0, end: 1 }; }
  /** @returns {[number, number]} */
  #range() { return [this.#rangeObject().start, this.#rangeObject().end]; }

  #shownColumns() {
    return this.#columns.slice(1).filter((_, at) => this.#drawing?.bounds !== false || (at !== 0 && at !== 1));
  }

  #resize() {
    if (!this.#plot) this.#draw();
    else if (this.clientWidth > 0 && this.#plot.width !== this.clientWidth) this.#plot.setSize({ width: this.clientWidth, height: this.height });
  }

  /** @param {uPlot} plot */
  #moved(plot) {
    const { idx, left, top } = plot.cursor;
    if (this.#following || left === undefined || left === null || left < 0) return;
    // uPlot tells of the cursor after every redraw, too: only somebody who points here moves that of the others.
    if (!plot.over.matches(':hover') && !this.contains(document.activeElement)) return;
    publishCursor(plot.posToVal(left, 'x'), this);
    const marker = nearestMarker(plot, this.#drawing?.markers ?? [], left, top ?? 0);
    this.dispatchEvent(new CustomEvent('chart-hover', { detail: marker?.key ?? null }));
    const box = plot.over.getBoundingClientRect();
    if (plot.over.matches(':hover')) {
      showTooltip(this.#lines(idx ?? null, marker), { clientX: box.left + left, clientY: box.top + Math.max(0, top ?? 0) });
    }
  }

  #following = false;
  #pressedAt = 0;

  /** @param {number | null} time @param {object | null} from */
  #follow(time, from) {
    if (!this.#plot || from === this) return;
    this.#following = true;
    const left = time === null ? -10 : this.#plot.valToPos(time, 'x');
    this.#plot.setCursor({ left: left < 0 ? -10 : left, top: -10 });
    this.#following = false;
  }

  #wheelZoom = new WheelZoom((range) => this.dispatchEvent(new CustomEvent('chart-zoom', { detail: range })));

  /** @param {WheelEvent} event */
  #wheel = (event) => {
    const plot = this.#plot;
    if (!plot) return;
    const left = event.clientX - plot.over.getBoundingClientRect().left;
    this.#wheelZoom.turned(event, this.#rangeObject(), plot.posToVal(left, 'x'));
  };

  #leave = () => {
    publishCursor(null, this);
    showTooltip(null);
    this.dispatchEvent(new CustomEvent('chart-hover', { detail: null }));
  };

  /** @param {number | null} at @param {Marker | null} marker @returns {string[]} */
  #lines(at, marker) {
    const lines = [];
    if (marker) lines.push(timeText(marker.time, this.#zone), `record score ${scoreText(marker.score)}, ${severityWord(marker.score)}`, `value ${numberText(marker.value)}`);
    else if (at !== null) lines.push(timeText(Number(this.#columns[0][at]), this.#zone));
    const time = marker?.time ?? Number(this.#columns[0][at ?? 0]);
    for (const note of this.#drawing?.notes ?? []) if (note.text && time >= note.start && time <= note.end) lines.push(note.text);
    if (at === null) return lines;
    const of = (/** @type {string} */ name) => this.#columns[COLUMNS.indexOf(name)]?.[at] ?? null;
    if (!marker && of('actual') !== null) lines.push(`value ${shown(of('actual'))}`);
    if (of('lower') !== null && this.#drawing?.bounds !== false) lines.push(`expected ${shown(of('lower'))} to ${shown(of('upper'))}`);
    if (of('forecast') !== null) lines.push(`forecast ${shown(of('forecast'))} (${shown(of('forecastLower'))} to ${shown(of('forecastUpper'))})`);
    return lines;
  }

  /** @param {uPlot} plot */
  #selected(plot) {
    const { left, width } = plot.select;
    if (width < DRAG_PX) return;
    const detail = { start: Math.round(plot.posToVal(left, 'x')), end: Math.round(plot.posToVal(left + width, 'x')) };
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.dispatchEvent(new CustomEvent('chart-drag', { detail }));
  }

  /** @param {MouseEvent} event */
  #clicked = (event) => {
    if (!this.#plot || Math.abs(event.clientX - this.#pressedAt) >= DRAG_PX) return;
    const box = this.#plot.over.getBoundingClientRect();
    this.#mark(nearestMarker(this.#plot, this.#drawing?.markers ?? [], event.clientX - box.left, event.clientY - box.top));
  };

  /** @param {Marker | null} marker that was chosen */
  #mark(marker) {
    if (marker) this.dispatchEvent(new CustomEvent('chart-mark', { detail: marker.key }));
  }

  /** @param {number} at @returns {Marker | null} of a point of the chart */
  #markerAt(at) {
    const time = Number(this.#columns[0][at]);
    const interval = this.#drawing?.series?.interval ?? 1;
    return this.#drawing?.markers.find((each) => each.time >= time && each.time < time + interval) ?? null;
  }

  /** @param {KeyboardEvent} event */
  #keydown = (event) => {
    const plot = this.#plot;
    if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter') this.#mark(this.#markerAt(plot.cursor.idx ?? -1));
    const last = this.#columns[0].length - 1;
    const at = plot.cursor.idx ?? (event.key === 'ArrowLeft' ? last + 1 : -1);
    /** @type {Record<string, number>} */
    const targets = { ArrowRight: at + 1, ArrowLeft: at - 1, PageDown: at + 20, PageUp: at - 20, Home: 0, End: last };
    const to = event.key === '.' || event.key === ',' ? this.#nextMarked(at, event.key === '.' ? 1 : -1) : targets[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    event.stopPropagation();
    const time = Number(this.#columns[0][Math.max(0, Math.min(last, to))]);
    plot.setCursor({ left: plot.valToPos(time, 'x'), top: 10 });
    this.#say(Math.max(0, Math.min(last, to)));
  };

  /** @param {number} at @param {1 | -1} step @returns {number | undefined} the point of the next anomaly */
  #nextMarked(at, step) {
    const interval = this.#drawing?.series?.interval ?? 1;
    const marked = new Set((this.#drawing?.markers ?? []).map((marker) => Math.floor(marker.time / interval)));
    const times = this.#columns[0];
    for (let next = at + step; next >= 0 && next < times.length; next += step) {
      if (marked.has(Math.floor(Number(times[next]) / interval))) return next;
    }
    return undefined;
  }

  /** @param {number} at */
  #say(at) {
    clearTimeout(this.#speak);
    this.#speak = window.setTimeout(() => {
      const live = this.querySelector('[aria-live]');
      if (live) live.textContent = this.#lines(at, this.#markerAt(at)).join(', ');
    }, SPEAK_AFTER_MS);
  }
}

/** Points by themselves are drawn where few of them make a line. @param {uPlot} plot @param {number} at */
function showPoints(plot, at) {
  return Array.from(plot.data[at]).filter((value) => value !== null).length < 40;
}

/** @param {number | null} value */
function shown(value) {
  return value === null ? '–' : numberText(value);
}

customElements.define('metric-chart', MetricChart);

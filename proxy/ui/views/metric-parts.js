// How the view of a series looks: what to show, the focus chart over its score strip and context, then the tables.

import { html, nothing } from '../vendor/lit-html.js';
import { rangeText } from '../clock.js';
import { detectorText, entityFields } from '../entities.js';
import { counted } from '../format.js';
import { newRuleLink } from '../links.js';
import { ruleOfRecord } from '../rule-body.js';
import { DAY, HOUR, parseDuration, spanText } from '../time.js';
import { anomalyTable, openRow, tableTools } from '../widgets/anomaly-table.js';
import { closeMenu, curlButton, emptyState, menu, panelBody, scoreBadge, select, severitySelect } from '../widgets/parts.js';
import { noJobs, noResults } from './empty.js';
import { markersOf } from './explorer-charts.js';
import '../widgets/metric-chart.js';
import '../widgets/swim-lane.js';

/** @import {MetricView} from './metric.js' */
/** @import {Range} from '../types.d.ts' */

/** @type {[string, number][]} */
const ZOOMS = [['1h', HOUR], ['12h', 12 * HOUR], ['1d', DAY], ['1w', 7 * DAY], ['2w', 14 * DAY], ['1M', 30 * DAY], ['1y', 365 * DAY]];

/** A zoom to fewer points than these shows nothing. */
const LEAST_POINTS = 5;

/** @param {MetricView} view */
export function metricPage(view) {
  const { jobs, extents } = view.app.panels;
  const head = html`<h1 tabindex="-1">${view.job ? html`Series of ${view.job.job_id}` : 'Series'}</h1>`;
  const problem = [jobs, extents].find((panel) => panel.status === 'failed');
  if (problem) return html`${head}${panelBody(problem, () => nothing)}`;
  if (!jobs.data || !extents.data) return html`${head}<div class="loading" role="status">Loading…</div>`;
  if (!view.job) {
    if (jobs.data.length === 0) return html`${head}${noJobs()}`;
    return html`${head}${emptyState(`There is no job ${view.state.job[0]}`, 'It may have been deleted.', html`<a href="jobs">See all jobs</a>`)}`;
  }
  if (!view.range) return html`${head}${noResults(view.app, [view.job])}`;
  return html`${head}${chooser(view)}${charts(view)}${table(view)}${view.annotating.render()}`;
}

/** @param {MetricView} view */
function chooser(view) {
  const { state, app, job, detector } = view;
  const detectors = job?.analysis_config.detectors ?? [];
  return html`<div class="chooser">
    ${select({ label: 'Detector', value: String(detector?.detector_index ?? 0), options: detectors.map((each, at) => /** @type {[string, string]} */ ([String(at), detectorText(each)])),
      choose: (det) => app.go({ det: Number(det), entities: [], open: '', job: job ? [job.job_id] : [] }) })}
    ${detector ? entityFields(detector).map((field) => entityPicker(view, field)) : nothing}
    ${detector?.function === 'metric' && !job?.model_plot_config?.enabled ? select({ label: 'Show', value: state.fn, options: [['mean', 'mean'], ['min', 'min'], ['max', 'max']], choose: (fn) => app.go({ fn }) }) : nothing}</div>`;
}

/** @param {MetricView} view @param {string} field */
function entityPicker(view, field) {
  const panel = view.values.get(field);
  const chosen = view.entities.find((entity) => entity.field === field)?.value;
  const worst = panel?.data?.find(({ value }) => value === chosen)?.worst ?? 0;
  const shown = (panel?.data ?? []).filter(({ worst: score }) => !view.anomalousOnly || score > 0);
  const search = (/** @type {Event} */ event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    for (const option of input.parentElement?.querySelectorAll('.option') ?? []) {
      /** @type {HTMLElement} */ (option).hidden = !(/** @type {HTMLElement} */ (option).dataset.text ?? '').toLowerCase().includes(input.value.toLowerCase());
    }
  };
  return menu(html`<span class="dim">${field}</span> <span class="chosen">${chosen === '' ? '(empty)' : chosen ?? 'all'}</span>${worst > 0 ? scoreBadge(worst) : nothing}`, html`
    <input type="search" aria-label=${`Search ${field}`} placeholder="Search" @input=${search}>
    <label class="option"><input type="checkbox" .checked=${view.anomalousOnly} @change=${() => { view.anomalousOnly = !view.anomalousOnly; view.app.changed(); }}> anomalous only</label>
    ${panel ? panelBody(panel, () => html`<div class="options">${shown.map(({ value, worst: score }) => html`<button class="option" data-text=${value} aria-pressed=${value === chosen}
      @click=${(/** @type {Event} */ event) => { view.chooseEntity(field, value); closeMenu(/** @type {Element} */ (event.target)); }}>${value || '(empty)'}${score > 0 ? scoreBadge(score) : html`<span class="dim">calm</span>`}</button>`)}</div>`) : nothing}`, 'entity-picker');
}

/** @param {MetricView} view */
function charts(view) {
  const { state, shown, range } = view;
  if (!shown || !range) return html`<section class="panel"><div class="loading" role="status">Loading…</div></section>`;
  const span = bucketSpan(view);
  return html`<section class="panel focus"><div class="panel-head"><h2>${rangeText(shown, state.tz)}</h2>
      <span class="dim">1 point = ${spanText(view.interval)} (${counted(Math.round(view.interval / span), 'bucket')})${view.origin ? `; ${view.origin}` : ''}</span>${chartTools(view)}</div>
    ${state.forecast && view.forecast.isCurrent && view.forecast.data?.times.length === 0 ? html`<p class="notice" role="status">The forecast has nothing for this series.</p>` : nothing}
    ${focusBody(view)}
    <div class="strip"><swim-lane label="Record scores of this series" kind="record score" .kind=${'record score'} .model=${view.strip()} .zone=${state.tz} .min=${state.min}
      .nameOf=${() => html`<span class="dim">scores</span>`} @lane-select=${(/** @type {CustomEvent} */ event) => event.detail && view.zoomTo(event.detail.range)}></swim-lane></div>
    <div class="panel-head context-head"><span class="dim">Whole range, ${rangeText(range, state.tz)}</span>${zoomLinks(view, range)}</div>
    ${contextChart(view, shown, range)}</section>`;
}

/** @param {MetricView} view @returns {number} */
function bucketSpan(view) {
  return parseDuration(view.job?.analysis_config.bucket_span ?? '') || view.interval;
}

/** @param {MetricView} view */
function focusBody(view) {
  const series = view.focusSeries();
  if (view.focus.status === 'failed') return panelBody(view.focus, () => nothing);
  if (!series) return html`<div class="loading tall" role="status">Loading…</div>`;
  const isStale = view.focus.status === 'loading' || view.records.status === 'loading';
  const isEmpty = series.times.length === 0 && view.focus.isCurrent && view.job?.model_plot_config?.enabled && !view.forecast.data?.times.length;
  return html`${isEmpty ? html`<p class="notice" role="status">The model has no plot for this series in this time: it is only written for what was seen while model plot was on.</p>` : nothing}
    <div class=${isStale ? 'stale' : ''}><metric-chart height="300" .drawing=${focusDrawing(view)} .highlight=${view.highlight}
      @chart-hover=${(/** @type {CustomEvent} */ event) => view.point(event.detail)} @chart-mark=${(/** @type {CustomEvent} */ event) => openRow((change) => view.app.go(change, { replace: true }), event.detail)}
      @chart-reset=${() => view.app.go({ zoom: null })} @chart-zoom=${(/** @type {CustomEvent} */ event) => view.zoomTo(event.detail)}
      @chart-drag=${(/** @type {CustomEvent} */ event) => (view.annotating.isDrawing ? view.annotating.begin(event.detail) : view.zoomTo(event.detail))}></metric-chart></div>`;
}

/** @type {WeakMap<MetricView, {parts: unknown[], drawing: import('../widgets/metric-chart.js').Drawing}>} */
const focusDrawings = new WeakMap();

/** A new drawing only where something of it is new. @param {MetricView} view */
function focusDrawing(view) {
  const { state } = view;
  const showNotes = !state.hide.includes('annotations');
  const bounds = !state.hide.includes('bounds');
  const range = /** @type {Range} */ (view.shown);
  const parts = [view.focus.data, view.records.data, view.forecast.data, view.annotations.data, view.events.data, range.start, range.end, state.tz, showNotes, bounds, view.label()];
  const known = focusDrawings.get(view);
  if (known && known.parts.every((part, at) => part === parts[at])) return known.drawing;
  const notes = showNotes ? view.notes() : [];
  const drawing = { series: view.focusSeries(), forecast: view.forecast.data, markers: markersOf(view.records.data?.records ?? []), notes, range, zone: state.tz, bounds, label: view.label() };
  focusDrawings.set(view, { parts, drawing });
  return drawing;
}

/** @param {MetricView} view */
function chartTools(view) {
  const { state, app } = view;
  const toggle = (/** @type {string} */ name) => app.go({ hide: state.hide.includes(name) ? state.hide.filter((each) => each !== name) : [...state.hide, name] });
  const box = (/** @type {string} */ name) => html`<label class="field"><input type="checkbox" .checked=${!state.hide.includes(name)} @change=${() => toggle(name)}> ${name}</label>`;
  return html`<div class="tools">${box('bounds')}${box('annotations')}
    <button aria-pressed=${view.annotating.isDrawing} class=${view.annotating.isDrawing ? 'main' : ''} @click=${() => view.annotating.toggle()}>${view.annotating.isDrawing ? 'Drag over the chart…' : 'Annotate'}</button>
    ${view.forecasting.render()}</div>`;
}

/** @param {MetricView} view @param {Range} range */
function zoomLinks(view, range) {
  const shown = /** @type {Range} */ (view.shown);
  const middle = (shown.start + shown.end) / 2;
  const zoom = (/** @type {number} */ length) => view.zoomTo({ start: Math.max(0, Math.round(middle - length / 2)), end: Math.round(middle + length / 2) });
  return html`<div class="tools" role="group" aria-label="Zoom">${ZOOMS.filter(([, length]) => length < range.end - range.start && length >= LEAST_POINTS * bucketSpan(view)).map(([name, length]) => html`<button class="quiet" @click=${() => zoom(length)}>${name}</button>`)}
    <button class="quiet" @click=${() => view.app.go({ zoom: range })}>all</button><button class="quiet" @click=${() => view.app.go({ zoom: null })}>auto</button></div>`;
}

/** @type {WeakMap<MetricView, {parts: unknown[], drawing: import('../widgets/metric-chart.js').Drawing}>} */
const contextDrawings = new WeakMap();

/** @param {MetricView} view @param {Range} shown @param {Range} range */
function contextChart(view, shown, range) {
  if (view.context.status === 'failed') return panelBody(view.context, () => nothing);
  const parts = [view.context.data, view.allRecords.data, shown.start, shown.end, range.start, range.end, view.state.tz];
  let known = contextDrawings.get(view);
  if (!known || !known.parts.every((part, at) => part === parts[at])) {
    const markers = markersOf((view.allRecords.data?.records ?? []).filter((record) => record.record_score >= 50));
    const whole = { start: Math.min(range.start, shown.start), end: Math.max(range.end, shown.end) };
    known = { parts, drawing: { series: view.contextSeries(), markers, brush: shown, range: whole, zone: view.state.tz, label: `Whole range of ${view.label()}; drag to choose what is shown above` } };
    contextDrawings.set(view, known);
  }
  return html`<metric-chart height="110" .drawing=${known.drawing} @chart-drag=${(/** @type {CustomEvent} */ event) => view.zoomTo(event.detail)}></metric-chart>`;
}

/** @param {MetricView} view */
function table(view) {
  const { state, app, shown, job } = view;
  if (!shown || !job) return nothing;
  const data = view.records.data;
  const settings = {
    records: data?.records ?? [], jobs: new Map([[job.job_id, job]]), range: shown, zone: state.tz, group: state.group, sort: state.sort, open: state.open,
    shown: view.tableShown, filters: view.entities, highlight: view.highlight, isOneSeries: true, showJob: false,
    change: (/** @type {any} */ change) => app.go(change, { replace: 'open' in change }),
    toggleFilter: (/** @type {import('../types.d.ts').Filter} */ filter, /** @type {boolean} */ on) => on && app.open(`explorer?job=${job.job_id}&f=${encodeURIComponent(`${filter.field.replace(/[\\:]/g, '\\$&')}:${filter.value}`)}`),
    ruleOf: (/** @type {import('../types.d.ts').AnomalyRecord} */ record) => newRuleLink(ruleOfRecord(record)), hover: view.point, more: view.more,
  };
  const hidden = data && data.below > 0 && state.min > 0 ? `; ${counted(data.below, 'anomaly', 'anomalies')} hidden under ${state.min}` : '';
  return html`<section class="panel"><div class="panel-head"><h2>Anomalies</h2><span class="dim">record scores of what is shown above${hidden}</span>
    ${severitySelect(state.min, (min) => app.go({ min }))}${tableTools(settings, view.records.requests[0] ? curlButton(view.records.requests[0]) : nothing)}</div>
    ${panelBody(view.records, () => (data?.records.length === 0 ? emptyState('Nothing unusual in this time', html`${data && data.below > 0 ? `${counted(data.below, 'anomaly', 'anomalies')} lie under ${state.min}.` : 'The values stayed within what the model expected.'}`) : anomalyTable(settings)))}</section>`;
}

// How the explorer looks: influencers beside the timeline, then charts and the table of what is selected.

import { html, nothing } from '../vendor/lit-html.js';
import { rangeText } from '../clock.js';
import { BY_JOB, influencerFields, sameFilter } from '../entities.js';
import { counted, scoreText } from '../format.js';
import { metricLink, newRuleLink } from '../links.js';
import { ruleOfRecord } from '../rule-body.js';
import { lanePage } from '../selection.js';
import { spanText } from '../time.js';
import { anomalyTable, openRow, tableTools } from '../widgets/anomaly-table.js';
import { legend } from '../widgets/lane-painting.js';
import { curlButton, emptyState, entity, panelBody, scoreBadge, select, severitySelect } from '../widgets/parts.js';
import { theme } from '../widgets/theme.js';
import { alertsPanel } from './alerts-panel.js';
import { cellPopover, newRuleOfCells } from './cell-alerts.js';
import { noJobs, noResults } from './empty.js';
import '../widgets/swim-lane.js';

/** @import {ExplorerView} from './explorer.js' */
/** @import {AnomalyRecord, LaneModel, Range} from '../types.d.ts' */
/** @import {Grid} from '../selection.js' */

/** Below it, as in app.css, the influencers stand above the timeline and begin closed. */
const NARROW = 1000;

/** @param {ExplorerView} view */
export function explorerPage(view) {
  const { jobs, extents } = view.app.panels;
  const problem = [jobs, extents].find((panel) => panel.status === 'failed');
  if (problem) return html`<h1 tabindex="-1">Anomaly explorer</h1>${panelBody(problem, () => nothing)}`;
  if (!jobs.data || !extents.data) return html`<h1 tabindex="-1">Anomaly explorer</h1><div class="loading" role="status">Loading…</div>`;
  return html`<h1 tabindex="-1">Anomaly explorer</h1>
    ${view.unknown.length > 0 ? html`<p class="notice" role="status">There is no job or group ${view.unknown.join(', ')}.</p>` : nothing}
    ${banners(view)}${chips(view)}${content(view)}`;
}

/** @param {ExplorerView} view */
function content(view) {
  if (view.jobs.length === 0) return noJobs();
  const { grid } = view;
  if (!grid) return noResults(view.app, view.jobs);
  return html`<div class="explorer">${influencerList(view)}<div class="explorer-main">
    ${timeline(view, grid)}${alertsPanel(view)}${selectionBar(view, grid.asked)}
    ${view.charts.render({ highlight: view.highlight, point: view.point, open: (key) => openRow((change) => view.app.go(change, { replace: true }), key), zoom: (range) => view.app.goRange(range) })}
    ${anomalies(view, grid.range)}</div></div>`;
}

/** @param {ExplorerView} view what is wrong with the chosen jobs */
function banners(view) {
  const stats = view.app.panels.stats.data;
  return view.jobs.flatMap((job) => {
    const of = stats?.get(job.job_id);
    const limit = of?.model_size_stats?.memory_status;
    if (of?.state === 'failed') return [html`<p class="banner" role="alert">The job ${job.job_id} has failed${of.assignment_explanation ? `: ${of.assignment_explanation}` : ''}. <a href=${`jobs?open=${job.job_id}&tab=messages`}>Read its messages</a></p>`];
    if (limit === 'hard_limit') return [html`<p class="banner" role="alert">The job ${job.job_id} has reached its memory limit: new entities are not modelled. Raise model_memory_limit.</p>`];
    return [];
  });
}

/** @param {ExplorerView} view */
function chips(view) {
  const { f } = view.state;
  if (f.length === 0) return nothing;
  return html`<div class="chips" role="group" aria-label="Filters">${f.map((filter) => html`<span class="chip">${filter.field} = ${filter.value || '(empty)'}
    <button class="icon" aria-label=${`Remove the filter ${filter.field} = ${filter.value}`} @click=${() => view.toggleFilter(filter, false)}>×</button></span>`)}
    <button class="quiet" @click=${() => view.app.go({ f: [] })}>Clear filters</button></div>`;
}

/** @param {ExplorerView} view */
function influencerList(view) {
  const fields = influencerFields(view.jobs);
  const { names, panel } = view.influencers();
  return html`<aside class="panel influencers" aria-label="Top influencers"><details ?open=${innerWidth > NARROW}><summary><h2>Top influencers</h2></summary>
    ${fields.length === 0 ? html`<p class="dim">These jobs name no influencers. Add fields to <code>influencers</code> of a job to see who was unusual.</p>`
      : panelBody(panel, () => (names?.top ?? []).length === 0 ? html`<p class="dim">Nobody stood out in this time.</p>`
        : html`<p class="dim legend-line">influencer score: highest, sum${view.state.t ? ' in the selection' : ''}</p>${(names?.top ?? []).map((group) => influencerGroup(view, group))}`)}</details></aside>`;
}

/** @param {ExplorerView} view @param {{field: string, values: {name: string, max: number, sum: number}[]}} group */
function influencerGroup(view, { field, values }) {
  return html`<h3>${field}</h3><ul class="influencer-values">${values.map(({ name, max, sum }) => {
    const filter = { field, value: name };
    return html`<li>${entity(filter, view.state.f.some((on) => sameFilter(on, filter)), view.toggleFilter)}
      <span class="meter" aria-hidden="true"><span class=${`fill s${severityClass(max)}`} .style=${`width:${Math.max(2, max)}%`}></span></span>
      <span class="figures">${scoreBadge(max)}<span class="dim sum" title="sum of the scores">${Math.round(sum)}</span></span></li>`;
  })}</ul>`;
}

/** @param {number} score */
function severityClass(score) {
  return score >= 75 ? 4 : score >= 50 ? 3 : score >= 25 ? 2 : score >= 3 ? 1 : 0;
}

/** @param {ExplorerView} view @param {Grid} grid */
function timeline(view, grid) {
  const marks = (view.annotations.data ?? []).map(({ source }) => ({ time: source.timestamp, end: source.end_timestamp ?? source.timestamp }));
  const buckets = grid.interval / grid.span;
  return html`<section class="panel timeline"><div class="panel-head"><h2>Anomaly timeline</h2>
      <span class="dim">1 cell = ${spanText(grid.interval)}${buckets > 1 ? ` (${counted(buckets, 'bucket')})` : ''}</span>${timelineTools(view)}</div>
    ${panelBody(view.overall, () => html`
      <div class="lane-title"><span>Overall</span><span class="dim">bucket scores of all chosen jobs${view.state.f.length > 0 || view.state.lane.length > 0 ? '; filters do not apply here' : ''}</span><span class="pager">${view.overall.requests[0] ? curlButton(view.overall.requests[0]) : nothing}</span></div>
      ${lanes(view, view.overall.data?.overall ?? null, true, false, marks)}`)}
    <div class="lane-title"><span>${view.by === BY_JOB ? 'Jobs' : view.by}</span><span class="dim">${view.by === BY_JOB ? 'bucket scores' : 'influencer scores'}</span>${pager(view)}</div>
    ${view.by === BY_JOB ? jobLanes(view) : entityLanesPart(view)}${legendPart(marks.length > 0, view.overall.data?.overall.interim?.includes(1) ?? false)}${cellPopover(view)}</section>`;
}

/** @param {ExplorerView} view */
function timelineTools(view) {
  const { state, app } = view;
  const fields = influencerFields(view.jobs);
  return html`<div class="tools">
    ${select({ label: 'View by', value: view.by, options: [[BY_JOB, 'job'], ...fields.map((field) => /** @type {[string, string]} */ ([field, field]))], choose: (by) => app.go({ by, lane: [], pin: [], page: 1 }) })}
    ${severitySelect(state.min, (min) => app.go({ min }))}
    ${view.by === BY_JOB ? nothing : select({ label: 'Sort', value: state.order, options: [['score', 'highest score'], ['sum', 'sum of scores'], ['name', 'name']], choose: (order) => app.go({ order, page: 1 }) })}
    ${view.jobs.length > 1 ? select({ label: 'Top N', title: 'The overall score is the mean of the highest scores of so many jobs', value: String(Math.min(state.top, view.jobs.length)), options: view.jobs.map((_, at) => /** @type {[string, string]} */ ([String(at + 1), String(at + 1)])), choose: (top) => app.go({ top: Number(top) }) }) : nothing}
    ${select({ label: 'Draw', value: state.mode, options: [['colour', 'colours'], ['bars', 'bars']], choose: (mode) => app.go({ mode }) })}</div>`;
}

/** @param {ExplorerView} view */
function jobLanes(view) {
  return panelBody(view.overall, () => lanes(view, view.overall.data?.jobs ?? null, false, true, []));
}

/** @param {ExplorerView} view */
function entityLanesPart(view) {
  const none = view.names.isCurrent && (view.names.data?.lanes.length ?? 0) === 0;
  if (none) return emptyState(`No ${view.by} stood out`, 'No influencer of this field had a score in this time.');
  if (view.names.status === 'failed') return panelBody(view.names, () => nothing);
  return panelBody(view.cells, () => lanes(view, view.cells.data, false, true, []));
}

/**
 * @param {ExplorerView} view @param {LaneModel | null} model @param {boolean} isOverall @param {boolean} axis
 * @param {{time: number, end: number}[]} marks
 */
function lanes(view, model, isOverall, axis, marks) {
  const { state } = view;
  const byEntity = !isOverall && view.by !== BY_JOB;
  const chosen = { t: state.t, lanes: isOverall || state.lane.length === 0 ? null : state.lane };
  const label = isOverall ? 'Overall bucket scores' : view.by === BY_JOB ? 'Bucket scores by job' : `Influencer scores by ${view.by}`;
  return html`<swim-lane label=${label} .kind=${byEntity ? 'influencer score' : 'bucket score'} .model=${model} .zone=${state.tz} .mode=${state.mode}
    .min=${state.min} .axis=${axis} .marks=${marks} .selection=${chosen} .nameOf=${(/** @type {number} */ lane) => laneName(view, model, lane, isOverall)}
    @lane-select=${(/** @type {CustomEvent} */ event) => view.select(event.detail, isOverall)}
    @lane-zoom=${(/** @type {CustomEvent} */ event) => view.app.goRange(event.detail)}></swim-lane>`;
}

/** @param {ExplorerView} view @param {LaneModel | null} model @param {number} lane @param {boolean} isOverall */
function laneName(view, model, lane, isOverall) {
  const name = model?.names[lane] ?? '';
  if (isOverall) return html`<span class="lane-text">All jobs</span>`;
  const score = model?.totals?.[lane] ? html`<span class="lane-score" title="the highest in this time">${scoreText(model.totals[lane].max)}</span>` : nothing;
  if (view.by === BY_JOB) return html`<a class="lane-text" title=${name} href=${metricLink(name, view.state.tz)}>${name}</a>${score}`;
  const filter = { field: view.by, value: name };
  const isPinned = view.state.pin.includes(name);
  const pin = () => view.app.go({ pin: isPinned ? view.state.pin.filter((each) => each !== name) : [...view.state.pin, name] });
  return html`${entity(filter, view.state.f.some((on) => sameFilter(on, filter)), view.toggleFilter)}
    <button class=${`icon pin ${isPinned ? 'on' : ''}`} aria-pressed=${isPinned} aria-label=${`Keep ${name || '(empty)'} on top`} title="Keep on top" @click=${pin}>${isPinned ? '★' : '☆'}</button>${score}`;
}

/** @param {ExplorerView} view */
function pager(view) {
  const names = (view.names.data?.lanes ?? []).map((lane) => lane.name);
  if (view.by === BY_JOB || names.length === 0) return nothing;
  const { pages, page, first } = lanePage(names, view.state);
  const count = view.names.data?.count ?? names.length;
  const last = Math.min(first + view.state.rows, names.length);
  return html`<span class="pager"><span class="dim">${first + 1}–${last} of ${count.toLocaleString('en-GB')}</span>
    ${pages > 1 ? html`<button class="quiet" aria-label="Lanes before" ?disabled=${page <= 1} @click=${() => view.app.go({ page: page - 1 })}>‹</button>
      <button class="quiet" aria-label="Lanes after" ?disabled=${page >= pages} @click=${() => view.app.go({ page: page + 1 })}>›</button>` : nothing}
    ${select({ label: 'Lanes', hideLabel: true, value: String(view.state.rows), options: [...new Set([5, 10, 20, 50, 100, 200, view.state.rows])].sort((a, b) => a - b).map((rows) => /** @type {[string, string]} */ ([String(rows), `${rows} lanes`])), choose: (rows) => view.app.go({ rows: Number(rows), page: 1 }) })}</span>`;
}

/** @param {boolean} hasAnnotations @param {boolean} hasInterim */
function legendPart(hasAnnotations, hasInterim) {
  return html`<p class="legend" aria-label="What the colours mean">${legend(theme.palette()).map(({ from, word }, at) => html`<span><span class=${`swatch s${at}`} aria-hidden="true"></span>${word} ${from}+</span>`)}
    <span>● one bucket</span><span>✚ several buckets together</span>${hasAnnotations ? html`<span><span class="note-mark" aria-hidden="true"></span>annotation</span>` : nothing}${hasInterim
      ? html`<span><span class="interim-mark" aria-hidden="true"></span>interim</span>` : nothing}</p>`;
}

/** @param {ExplorerView} view @param {Range} range */
function selectionBar(view, range) {
  const { t, lane, tz } = view.state;
  if (!t) return html`<p class="selection dim">Nothing selected: what follows is of the whole range, ${rangeText(range, tz)}. Click a cell or drag over several.</p>`;
  const names = lane.map((name) => name || '(empty)').join(', ');
  return html`<div class="selection" role="status"><strong>Selected:</strong> ${names ? `${names}, ` : ''}${rangeText(t, tz)}
    ${view.records.isCurrent ? html`· ${counted(view.records.data?.above ?? 0, 'anomaly', 'anomalies')}` : nothing}
    <button class="quiet" @click=${() => view.app.goRange(t)}>Zoom in</button> ${newRuleOfCells(view)} <button class="quiet" @click=${() => view.select(null, true)}>Clear</button></div>`;
}

/** @param {ExplorerView} view @param {Range} range */
function anomalies(view, range) {
  const { state } = view;
  const data = view.records.data;
  const table = {
    records: data?.records ?? [], jobs: new Map(view.jobs.map((job) => [job.job_id, job])), range: state.t ?? range, zone: state.tz,
    group: state.group, sort: state.sort, open: state.open, shown: view.tableShown, filters: state.f, highlight: view.highlight,
    isOneSeries: false, showJob: view.jobs.length > 1, change: (/** @type {any} */ change) => view.app.go(change, { replace: 'open' in change }),
    toggleFilter: view.toggleFilter, ruleOf: (/** @type {AnomalyRecord} */ record) => newRuleLink(ruleOfRecord(record)), hover: view.point, more: view.more,
  };
  return html`<section class="panel"><div class="panel-head"><h2>Anomalies</h2><span class="dim">record scores${below(view)}</span>
      ${tableTools(table, view.records.requests[0] ? curlButton(view.records.requests[0]) : nothing)}</div>
    ${panelBody(view.records, () => (data?.records.length === 0 ? nothingFound(view, range) : anomalyTable(table)))}</section>`;
}

/** @param {ExplorerView} view */
function below(view) {
  const data = view.records.data;
  if (!data || !view.records.isCurrent) return '';
  const most = data.above > data.records.length ? `; the highest ${data.records.length} of ${data.above.toLocaleString('en-GB')}` : '';
  return `${most}${view.state.min > 0 && data.below > 0 ? `; ${data.below.toLocaleString('en-GB')} hidden under ${view.state.min}` : ''}`;
}

/** @param {ExplorerView} view @param {Range} range */
function nothingFound(view, range) {
  const data = view.records.data;
  if (data && data.below > 0) {
    return emptyState(`${counted(data.below, 'anomaly', 'anomalies')} hidden under ${view.state.min}`,
      'A cell shows bucket or influencer scores, the table record scores: they differ.',
      html`<button @click=${() => view.app.go({ min: 0 })}>Show all scores</button>`);
  }
  if (view.state.t || view.state.f.length > 0) {
    return emptyState('No anomalies match the selection', 'No record lies in these cells with these filters.',
      html`<button @click=${() => view.app.go({ t: null, lane: [], f: [] })}>Clear selection and filters</button>`);
  }
  return noResults(view.app, view.jobs, view.grid?.asked ?? range);
}

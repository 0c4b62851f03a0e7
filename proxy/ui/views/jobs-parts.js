// How the list of jobs looks: the counts, the filters, the table, and the menu of each row.

import { html, nothing } from '../vendor/lit-html.js';
import { ApiError } from '../api.js';
import { agoText, timeText } from '../clock.js';
import { bytesText, counted, numberText } from '../format.js';
import { explorerLink, metricLink } from '../links.js';
import { DAY } from '../time.js';
import { closeMenu, menu, panelBody, scoreBadge } from '../widgets/parts.js';
import { noJobs } from './empty.js';
import { exportJobs } from './job-transfer.js';
import { jobDetails } from './jobs-details.js';

/** @import {JobsView, Row} from './jobs.js' */

const JOB_STATES = ['opened', 'opening', 'closed', 'closing', 'failed'];
const FEED_STATES = ['started', 'starting', 'stopped', 'stopping'];

/** @param {JobsView} view */
export function jobsPage(view) {
  const { jobs } = view.app.panels;
  const rows = view.rows();
  return html`<div class="panel-head"><h1 tabindex="-1">Jobs</h1>${summary(view, rows)}
      <div class="tools"><button class="main" @click=${() => view.dialogs.create()}>Create from JSON</button></div></div>
    ${view.doing ? html`<p class="notice" role="status">${view.doing}…</p>` : nothing}
    ${view.problems.length > 0 ? html`<div class="failure" role="alert">${view.problems.map((problem) => html`<p>${problem}</p>`)}</div>` : nothing}
    ${panelBody(jobs, () => (rows.length === 0 ? html`<section class="panel">${noJobs()}</section>` : html`<section class="panel"><h2 class="unseen">List of jobs</h2>${filters(view, rows)}${table(view)}</section>`))}
    ${view.dialogs.render()}`;
}

/** @param {JobsView} view @param {Row[]} rows */
function summary(view, rows) {
  if (!view.app.panels.stats.data) return nothing;
  const count = (/** @type {string} */ state) => rows.filter(({ stats }) => stats?.state === state).length;
  const failed = count('failed');
  const feeds = rows.filter(({ feed }) => feed).length;
  return html`<span class="dim">${counted(rows.length, 'job')} · ${count('opened')} opened · ${count('closed')} closed${failed ? html` · <strong class="wrong">${failed} failed</strong>` : nothing}${feeds
    ? ` · ${rows.filter(({ feedState }) => feedState === 'started').length} of ${counted(feeds, 'datafeed')} started` : ''}</span>`;
}

/** @param {JobsView} view @param {Row[]} rows */
function filters(view, rows) {
  const { state, go } = { state: view.app.state, go: view.app.go.bind(view.app) };
  const groups = [...new Set(rows.flatMap(({ job }) => job.groups ?? []))].sort();
  const box = (/** @type {'state' | 'feed' | 'group'} */ name, /** @type {string} */ label, /** @type {string[]} */ options) => (options.length === 0 ? nothing
    : menu(html`<span class="dim">${label}</span> <span class="chosen">${state[name].length > 0 ? /** @type {string[]} */ (state[name]).join(', ') : 'all'}</span>`, html`<div class="options">${options.map((option) => html`
      <label class="option"><input type="checkbox" .checked=${state[name].includes(option)} @change=${() => go({ [name]: state[name].includes(option)
    ? /** @type {string[]} */ (state[name]).filter((each) => each !== option) : [...state[name], option] })}> ${option}</label>`)}</div>`));
  const marked = view.markedRows();
  return html`<div class="panel-head"><input type="search" aria-label="Search jobs" placeholder="Search ids, descriptions, groups" size="30" .value=${state.q}
      @input=${(/** @type {Event} */ event) => go({ q: /** @type {HTMLInputElement} */ (event.target).value }, { replace: true })}>
    ${box('state', 'State', JOB_STATES)}${box('feed', 'Datafeed', FEED_STATES)}${box('group', 'Group', groups)}
    ${marked.length > 0 ? html`<div class="tools" role="group" aria-label="Marked jobs"><span>${counted(marked.length, 'job')} marked</span>
      <a href=${explorerLink(marked.map(({ job }) => job.job_id), state.tz)}>Explore</a>
      <button @click=${() => view.open(marked)}>Open</button><button @click=${() => view.close(marked)}>Close</button>
      ${marked.some(({ feed }) => feed) ? html`<button @click=${() => view.dialogs.start(marked)}>Start datafeeds</button><button @click=${() => view.stopFeeds(marked)}>Stop datafeeds</button>` : nothing}
      <button @click=${() => exported(view, marked)}>Export</button>
      <button class="danger" @click=${() => view.reset(marked)}>Reset</button><button class="danger" @click=${() => view.remove(marked)}>Delete</button></div>` : nothing}</div>`;
}

/** @param {JobsView} view */
function table(view) {
  const rows = view.shownRows();
  const all = rows.length > 0 && rows.every(({ job }) => view.marked.has(job.job_id));
  const markAll = () => { for (const { job } of rows) view.mark(job.job_id, !all); };
  return html`<div class="scroll-x" role="region" aria-label="Jobs" tabindex="0"><table class="jobs"><thead><tr>
      <th class="narrow"><input type="checkbox" aria-label="Mark all jobs" .checked=${all} @change=${markAll}></th><th class="narrow"><span class="unseen">Details</span></th>
      <th>Job</th><th>State</th><th>Datafeed</th><th class="number">Records</th><th>Memory</th><th>Last bucket</th><th>Worst, 24 h</th><th>Worst of all</th><th><span class="unseen">Actions</span></th></tr></thead>
    <tbody>${rows.map((row) => jobRow(view, row))}</tbody></table></div>
    ${rows.length === 0 ? html`<p class="empty">No job matches the filters. <button @click=${() => view.app.go({ q: '', state: [], feed: [], group: [] })}>Show all</button></p>` : nothing}`;
}

/** @param {JobsView} view @param {Row} row */
function jobRow(view, row) {
  const { job, stats, feed, feedState } = row;
  const { state } = view.app;
  const id = job.job_id;
  const isOpen = state.open === id;
  const memory = stats?.model_size_stats ?? {};
  return html`<tr class=${isOpen ? 'open' : ''}>
    <td class="narrow"><input type="checkbox" aria-label=${`Mark ${id}`} .checked=${view.marked.has(id)} @change=${() => view.mark(id, !view.marked.has(id))}></td>
    <td class="narrow"><button class="icon" aria-expanded=${isOpen} aria-label=${`Details of ${id}`} @click=${() => view.app.go({ open: isOpen ? '' : id }, { replace: true })}>${isOpen ? '▾' : '▸'}</button></td>
    <td><a href=${explorerLink([id], state.tz)}>${id}</a> ${(job.groups ?? []).map((group) => html`<span class="tag">${group}</span> `)}${row.troubles > 0
      ? html`<a class="troubles" href=${`jobs?open=${encodeURIComponent(id)}&tab=messages`}>⚠ ${row.troubles}<span class="unseen"> warnings and errors of the last day</span></a>` : nothing}${job.description ? html`<div class="dim">${job.description}</div>` : nothing}</td>
    <td><span class=${`state ${stats?.state ?? ''}`}>${stats?.state ?? '…'}</span></td>
    <td>${feed ? html`<span class=${`state ${feedState}`}>${feedState}</span>` : html`<span class="dim">none</span>`}</td>
    <td class="number">${numberText(stats?.data_counts?.processed_record_count ?? 0)}</td>
    <td class="time">${memory.model_bytes !== undefined ? bytesText(memory.model_bytes) : '–'}${memory.memory_status && memory.memory_status !== 'ok' ? html` <strong class="wrong">${memory.memory_status.replace('_', ' ')}</strong>` : nothing}</td>
    <td class="time">${lastBucket(view, row)}</td>
    <td>${row.recent > 0 ? scoreBadge(row.recent) : html`<span class="dim">–</span>`}</td>
    <td>${row.worst > 0 ? scoreBadge(row.worst) : html`<span class="dim">–</span>`}</td>
    <td class="time">${rowMenu(view, row)}</td></tr>
    ${isOpen ? html`<tr class="details"><td colspan="11">${jobDetails(view, row)}</td></tr>` : nothing}`;
}

/** @param {JobsView} view @param {Row} row */
function lastBucket(view, { job }) {
  const extent = view.app.panels.extents.data?.get(job.job_id);
  if (!extent) return html`<span class="dim">none yet</span>`;
  const age = Date.now() - extent.end;
  const exact = timeText(extent.end, view.app.state.tz);
  return html`<span title=${exact}>${age >= 0 && age < 2 * DAY ? agoText(age) : exact}</span>`;
}

/** @param {JobsView} view @param {Row} row */
function rowMenu(view, row) {
  const { job, stats, feed, feedState } = row;
  const item = (/** @type {string} */ text, /** @type {() => unknown} */ act, isOff = false, danger = false) => html`<button class=${`option ${danger ? 'danger' : ''}`} ?disabled=${isOff}
    @click=${(/** @type {Event} */ event) => { closeMenu(/** @type {Element} */ (event.target)); act(); }}>${text}</button>`;
  const isOpened = stats?.state === 'opened';
  return menu(html`<span aria-hidden="true">⋯</span><span class="unseen">Actions for ${job.job_id}</span>`, html`<div class="options">
    <a class="option" href=${explorerLink([job.job_id], view.app.state.tz)}>Explore anomalies</a><a class="option" href=${metricLink(job.job_id, view.app.state.tz)}>View series</a>
    ${feed ? html`${item('Start datafeed…', () => view.dialogs.start([row]), feedState === 'started')}${item('Stop datafeed', () => view.stopFeeds([row]), feedState !== 'started')}` : nothing}
    ${item('Open', () => view.open([row]), isOpened)}${item('Close', () => view.close([row]), !isOpened)}
    ${item('Clone…', () => view.dialogs.clone(row))}${item('Export', () => exported(view, [row]))}
    ${item('Reset…', () => view.reset([row]), isOpened, true)}${item('Delete…', () => view.remove([row]), false, true)}</div>`, 'row-menu right');
}

/** @param {JobsView} view @param {Row[]} rows */
async function exported(view, rows) {
  try {
    await exportJobs(rows);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    view.problems = [error.message];
    view.app.changed();
  }
}

// What stands above every view: the way between views, jobs, range, refresh, time zone, theme and help.

import { html, nothing } from '../vendor/lit-html.js';
import { agoText, rangeText } from '../clock.js';
import { counted } from '../format.js';
import { explorerLink, metricLink } from '../links.js';
import { chosenJobs } from '../selection.js';
import { writeState } from '../state.js';
import { moved, parseTime } from '../time.js';
import { closeMenu, menu, select } from '../widgets/parts.js';
import { theme } from '../widgets/theme.js';
import { KEYS } from './keys.js';

/** @import {App} from '../app.js' */
/** @import {Job, Range} from '../types.d.ts' */
/** @import {Choice} from '../widgets/theme.js' */

/** Those of chosen jobs. */
const RESULT_VIEWS = ['explorer', 'metric'];

/** @param {App} app */
export function topBar(app) {
  const { state } = app;
  const views = [['jobs', 'Jobs', 'jobs'], ['explorer', 'Explorer', explorerLink(state.job ?? [], state.tz)],
    ['metric', 'Series', state.job?.[0] ? metricLink(state.job[0], state.tz) : 'metric'], ['rules', 'Rules', writeState({ view: 'rules', tz: state.tz })]];
  return html`<header class="top">
    <a class="brand" href="jobs"><svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true"><rect width="32" height="32" rx="6" fill="#1b3a5c"/><path d="M4 8h24v4H4zM4 14h24v4H4zM4 20h24v4H4z" fill="#3d6285"/><path d="M16 8h4v4h-4zM8 20h4v4H8z" fill="#f2b134"/><path d="M20 14h4v4h-4z" fill="#ef5b3c"/></svg> Lanewatch</a>
    <nav aria-label="Views">${views.map(([name, text, href]) => html`<a href=${href} aria-current=${state.view === name ? 'page' : 'false'}>${text}</a>`)}</nav>
    ${!RESULT_VIEWS.includes(state.view) ? nothing : html`${jobPicker(app)}${state.view === 'explorer' ? timeRange(app) : nothing}`}
    <div class="top-right">
      ${refreshMenu(app)}
      ${select({ label: 'Time zone', hideLabel: true, value: state.tz, options: [['utc', 'UTC'], ['local', 'Local']], choose: (tz) => app.go({ tz }) })}
      ${select({ label: 'Theme', hideLabel: true, value: theme.choice, options: /** @type {[Choice, string][]} */ ([['auto', 'Auto'], ['light', 'Light'], ['dark', 'Dark']]),
        choose: (choice) => { theme.choice = choice; app.changed(); } })}
      ${menu(html`<span aria-hidden="true">?</span><span class="unseen">Help</span>`, help(), 'help right')}
    </div></header>`;
}

function help() {
  return html`<h2>Keys</h2><dl class="keys">${KEYS.map(([key, what]) => html`<div><dt>${key}</dt><dd>${what}</dd></div>`)}</dl>
    <p>Click or drag cells to select, double-click to zoom in. Drag over a chart to zoom there. The address holds all that you see: send it to share the view.</p>`;
}

/** @param {App} app */
function refreshMenu(app) {
  const answered = app.answeredAt();
  return html`<span class="refresh"><button class="quiet" @click=${() => app.refresh()} aria-label="Refresh" title="Ask everything anew">↻</button>
    ${select({ label: 'Refresh every', hideLabel: true, value: app.state.refresh, options: [['0', 'manual'], ['10', '10 s'], ['30', '30 s'], ['60', '1 min']], choose: (refresh) => app.go({ refresh }) })}
    <span class="dim updated">${answered ? `updated ${agoText(Date.now() - answered)}` : ''}</span></span>`;
}

/** @param {App} app */
function jobPicker(app) {
  const jobs = app.panels.jobs.data ?? [];
  const { jobs: chosen } = chosenJobs(jobs, app.state.job);
  const isSingle = app.state.view === 'metric';
  const current = isSingle ? app.state.job[0] ?? chosen[0]?.job_id : chosen.length === jobs.length && jobs.length > 1 ? `all ${jobs.length}` : app.state.job.join(', ') || chosen[0]?.job_id;
  const groups = [...new Set(jobs.flatMap((job) => job.groups ?? []))].sort();
  return menu(html`<span class="dim">Jobs</span> <span class="chosen">${current ?? 'none'}</span>`, html`
    <input type="search" aria-label="Search jobs" placeholder="Search" @input=${filterOptions}>
    <div class="options">${isSingle || groups.length === 0 ? nothing : html`<p class="dim">Groups</p>${groups.map((group) => groupOption(app, group, jobs))}`}
      ${isSingle ? nothing : html`<p class="dim">Jobs</p>`}
      ${jobs.map((job) => jobOption(app, job, chosen, isSingle))}</div>
    ${isSingle ? nothing : html`<p><button @click=${(/** @type {Event} */ event) => { app.go({ job: [], t: null, lane: [] }); closeMenu(/** @type {Element} */ (event.target)); }}>All jobs</button></p>`}`, 'job-picker');
}

/** @param {App} app @param {string} group @param {Job[]} jobs */
function groupOption(app, group, jobs) {
  const count = jobs.filter((job) => job.groups?.includes(group)).length;
  return html`<button class="option" data-text=${group} aria-pressed=${app.state.job.includes(group)} @click=${(/** @type {Event} */ event) => {
    app.go({ job: [group], t: null, lane: [], pin: [], page: 1 });
    closeMenu(/** @type {Element} */ (event.target));
  }}>${group} <span class="dim">${counted(count, 'job')}</span></button>`;
}

/** @param {App} app @param {Job} job @param {Job[]} chosen @param {boolean} isSingle */
function jobOption(app, job, chosen, isSingle) {
  const id = job.job_id;
  if (isSingle) {
    return html`<button class="option" data-text=${id} aria-pressed=${app.state.job[0] === id} @click=${(/** @type {Event} */ event) => {
      app.open(metricLink(id, app.state.tz));
      closeMenu(/** @type {Element} */ (event.target));
    }}>${id}</button>`;
  }
  const isOn = chosen.includes(job) && app.state.job.length > 0;
  const toggle = () => {
    const ids = app.state.job.length === 0 ? [] : chosen.map((each) => each.job_id);
    app.go({ job: isOn ? ids.filter((each) => each !== id) : [...ids, id], t: null, lane: [], pin: [], page: 1 });
  };
  return html`<label class="option" data-text=${id}><input type="checkbox" .checked=${isOn} @change=${toggle}> ${id}</label>`;
}

/** @param {Event} event */
function filterOptions(event) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  for (const option of input.parentElement?.querySelectorAll('.option') ?? []) {
    const text = /** @type {HTMLElement} */ (option).dataset.text ?? '';
    /** @type {HTMLElement} */ (option).hidden = !text.toLowerCase().includes(input.value.toLowerCase());
  }
}

/** @type {[string, string, string][]} */
const QUICK = [['All results', '', ''], ['Last 24 hours', 'now-24h', 'now'], ['Last 7 days', 'now-7d', 'now'],
  ['Last 30 days', 'now-30d', 'now'], ['Last 90 days', 'now-90d', 'now'], ['Last year', 'now-1y', 'now']];

/** @param {App} app */
function timeRange(app) {
  const range = app.views.explorer.grid?.asked ?? null;
  const text = QUICK.find(([, from, to]) => from === app.state.from && to === app.state.to)?.[0];
  return html`<span class="range">
    <button class="quiet" aria-label="Earlier" title="Earlier ( [ )" ?disabled=${!range} @click=${() => range && app.goRange(moved(range, -0.5))}>‹</button>
    ${menu(html`<span class="unseen">Range</span> <span class="chosen">${text === 'All results' || !text ? (range ? rangeText(range, app.state.tz) : 'all') : text}</span>`, html`
      <div class="options">${QUICK.map(([name, from, to]) => html`<button class="option" aria-pressed=${name === text} @click=${(/** @type {Event} */ event) => {
        app.go({ from, to, t: null, lane: [], page: 1 });
        closeMenu(/** @type {Element} */ (event.target));
      }}>${name}</button>`)}</div>
      ${rangeForm(app, range)}`, 'time-range')}
    <button class="quiet" aria-label="Later" title="Later ( ] )" ?disabled=${!range} @click=${() => range && app.goRange(moved(range, 0.5))}>›</button></span>`;
}

/** @param {App} app @param {Range | null} range */
function rangeForm(app, range) {
  const iso = (/** @type {number | undefined} */ time) => (time === undefined ? '' : new Date(time).toISOString().slice(0, 16).replace(':00.000', '') + 'Z');
  return html`<div class="range-form">
    <label>From <input name="from" .value=${app.state.from && !/^\d+$/.test(app.state.from) ? app.state.from : iso(range?.start)}></label>
    <label>To <input name="to" .value=${app.state.to && !/^\d+$/.test(app.state.to) ? app.state.to : iso(range?.end)}></label>
    <p class="dim">Dates in UTC, or for instance now-30d</p>
    <button @click=${(/** @type {Event} */ event) => applyRange(app, /** @type {HTMLElement} */ (event.target))}>Apply</button>
    <p class="wrong" role="alert"></p></div>`;
}

/** @param {App} app @param {HTMLElement} button */
function applyRange(app, button) {
  const form = /** @type {HTMLElement} */ (button.closest('.range-form'));
  const value = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.querySelector(`[name=${name}]`)).value.trim();
  const [from, to] = [value('from'), value('to')];
  const bad = [from, to].find((text) => text !== '' && Number.isNaN(parseTime(text, Date.now())));
  const wrong = /** @type {HTMLElement} */ (form.querySelector('.wrong'));
  if (bad !== undefined) wrong.textContent = `“${bad}” is no time`;
  else if (from && to && parseTime(from, 0) >= parseTime(to, 0)) wrong.textContent = 'The end must come after the beginning';
  else {
    wrong.textContent = '';
    app.go({ from, to, t: null, lane: [], page: 1 });
    closeMenu(button);
  }
}

// The page as a whole: reads the address, keeps what all views share, renders, and turns clicks on links and keys
// into addresses. One direction: address, state, requests, models, pictures.

import { html, render } from './vendor/lit-html.js';
import { settingsRequest } from './api.js';
import { extentRequest, jobStatsRequest, jobsRequest } from './queries.js';
import { extentsOf } from './model.js';
import { Panel } from './panel.js';
import { readState, writeState } from './state.js';
import { ExplorerView } from './views/explorer.js';
import { JobsView } from './views/jobs.js';
import { MetricView } from './views/metric.js';
import { RulesView } from './views/rules.js';
import { topBar } from './views/top-bar.js';
import { globalKey } from './views/keys.js';
import './widgets/theme.js';

/** @import {State} from './state.js' */
/** @import {Job, JobStats, Range} from './types.d.ts' */
/** @import {Extent} from './model.js' */

/** Drags and typing replace the address at most so often. */
const REPLACE_MS = 150;

export class App {
  constructor() {
    const changed = () => this.changed();
    this.panels = {
      /** @type {Panel<{alerts: string}>} */ settings: new Panel(changed),
      /** @type {Panel<Job[]>} */ jobs: new Panel(changed),
      /** @type {Panel<Map<string, JobStats>>} */ stats: new Panel(changed),
      /** @type {Panel<Map<string, Extent>>} */ extents: new Panel(changed),
    };
    this.views = { jobs: new JobsView(this), explorer: new ExplorerView(this), metric: new MetricView(this), rules: new RulesView(this) };
    this.now = Date.now();
    /** Asks everything anew when it changes. */
    this.round = 0;
    /** @type {State} */
    this.state = readState('jobs', '').state;
    /** @type {string[]} */
    this.notices = [];
    this.isPlanned = false;
    this.replaceTimer = 0;
    this.refreshTimer = 0;
    this.refreshSeconds = 0;
  }

  start() {
    addEventListener('popstate', () => this.read());
    addEventListener('resize', () => this.changed());
    document.addEventListener('click', (event) => this.followLink(event));
    document.addEventListener('keydown', (event) => globalKey(this, event));
    setInterval(() => this.changed(), 5000);
    this.read();
  }

  /** Takes the state from the address. */
  read() {
    const view = location.pathname.split('/').pop() || 'jobs';
    const before = this.state.view;
    const { state, notices } = readState(view, location.search);
    [this.state, this.notices] = [state, notices];
    if (before !== state.view) for (const panel of this.views[/** @type {'jobs'} */ (before)]?.panels ?? []) panel.stop();
    this.changed();
  }

  /**
   * Changes the state and with it the address.
   * @param {Partial<State>} change @param {{replace?: boolean}} [how] `replace` for what changes in quick steps
   */
  go(change, { replace = false } = {}) {
    // Other jobs and times have other alerts, of which the first page is shown.
    const first = ['job', 'from', 'to'].some((name) => name in change) ? { alert_page: 1 } : {};
    this.state = { ...this.state, ...first, ...change };
    this.notices = [];
    clearTimeout(this.replaceTimer);
    if (replace) this.replaceTimer = window.setTimeout(() => history.replaceState(null, '', writeState(this.state)), REPLACE_MS);
    else history.pushState(null, '', writeState(this.state));
    this.changed();
  }

  /** @param {string} href of one of our views */
  open(href) {
    history.pushState(null, '', href);
    this.read();
    scrollTo(0, 0);
    document.querySelector('h1')?.focus();
  }

  refresh() {
    this.now = Date.now();
    this.round += 1;
    this.changed();
  }

  /** Asks anew as often as is chosen, or as the view wants while something is under way. */
  planRefresh() {
    const view = this.views[/** @type {'jobs'} */ (this.state.view)];
    const seconds = Math.min(Number(this.state.refresh) || Infinity, view.refreshSeconds());
    if (seconds === this.refreshSeconds) return;
    this.refreshSeconds = seconds;
    clearInterval(this.refreshTimer);
    if (Number.isFinite(seconds)) this.refreshTimer = window.setInterval(() => { if (!document.hidden) this.refresh(); }, seconds * 1000);
  }

  /** @param {MouseEvent} event */
  followLink(event) {
    const link = /** @type {Element} */ (event.target).closest?.('a');
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || link.target) return;
    const href = link.getAttribute('href') ?? '';
    if (!/^(jobs|explorer|metric|rules)(\?|$)/.test(href)) return;
    event.preventDefault();
    this.open(href);
  }

  /** Something is new: ask what is to be asked and show it, once for all changes of this moment. */
  changed() {
    if (this.isPlanned) return;
    this.isPlanned = true;
    queueMicrotask(() => {
      this.isPlanned = false;
      this.loadShared();
      const view = this.views[/** @type {'jobs'} */ (this.state.view)];
      view.update();
      this.planRefresh();
      this.show(view);
    });
  }

  loadShared() {
    const { settings, jobs, stats, extents } = this.panels;
    const round = this.round;
    settings.load([settingsRequest()], ([answer]) => answer);
    jobs.load([jobsRequest()], ([answer]) => answer.jobs, round);
    stats.load([jobStatsRequest()], ([answer]) => new Map(answer.jobs.map((/** @type {JobStats} */ job) => [job.job_id, job])), round);
    extents.load([extentRequest()], ([answer]) => extentsOf(answer), round);
  }

  /** @param {{title: () => string, render: () => unknown, panels: Panel<any>[]}} view */
  show(view) {
    document.title = `${view.title()} · Lanewatch`;
    render(html`<a class="skip" href="#main">Skip to the content</a>${topBar(this)}
      <main id="main" tabindex="-1" aria-busy=${String(this.isAsking(view))}>${this.notices.map((notice) => html`<p class="notice" role="status">${notice}</p>`)}${view.render()}</main>`,
    document.body);
  }

  /** @param {{panels: Panel<any>[]}} view @returns {boolean} whether an answer is awaited */
  isAsking(view) {
    return [...Object.values(this.panels), ...view.panels].some((panel) => panel.status === 'loading');
  }

  /** @param {Range} range @param {{replace?: boolean}} [how] */
  goRange(range, how) {
    this.go({ from: String(range.start), to: String(range.end), t: null, lane: [], page: 1 }, how);
  }

  /** When the oldest of what is shown was answered; 0 before. @returns {number} */
  answeredAt() {
    const view = this.views[/** @type {'jobs'} */ (this.state.view)];
    const times = [...Object.values(this.panels), ...view.panels].map((panel) => panel.answeredAt).filter((time) => time > 0);
    return times.length > 0 ? Math.max(...times) : 0;
  }
}

new App().start();

// The explorer's alerts: what it asks for. How they look is alerts-panel.js's and cell-alerts.js's matter.

import { alertsOf, cellAlerts, isAbout } from '../alerts.js';
import { Panel } from '../panel.js';
import { alertsRequest, cellAlertsRequest, rulesRequest } from '../queries-alerts.js';
import { selected } from '../selection.js';

/** @import {App} from '../app.js' */
/** @import {Alerts} from '../alerts.js' */
/** @import {Job, Rule} from '../types.d.ts' */
/** @import {Grid} from '../selection.js' */

export class ExplorerAlerts {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    const changed = () => app.changed();
    /** @type {Panel<Alerts>} */ this.panel = new Panel(changed);
    /** @type {Panel<ReturnType<typeof cellAlerts>>} of the selected cells */ this.cell = new Panel(changed);
    /** @type {Panel<Rule[]>} asked only to explain why there is no alert */ this.rules = new Panel(changed);
    /** @type {string} the selection whose popover was dismissed */ this.dismissed = '';
  }

  get panels() { return [this.panel, this.cell, this.rules]; }

  /** @param {Job[]} jobs @param {string} by @param {Grid} grid */
  update(jobs, by, { range, interval }) {
    const { state, round, panels } = this.app;
    const alias = panels.settings.data?.alerts;
    if (alias === undefined) return;
    const ids = jobs.map((job) => job.job_id);
    this.panel.load([alertsRequest({ alias, jobs: ids, range, interval, page: state.alert_page })],
      ([answer]) => alertsOf(answer, range, interval), round);
    const isEmpty = this.panel.isCurrent && this.panel.data?.total === 0;
    this.rules.load(isEmpty ? [rulesRequest()] : [], ([answer]) => answer.data, round);
    const asked = selected(state, ids, by, range);
    this.cell.load(state.t ? [cellAlertsRequest(alias, asked.jobs, state.t)] : [], ([answer]) => cellAlerts(answer), round);
  }

  /** @param {Job[]} jobs @returns {Rule[] | null} the rules about any of the jobs; null while it is not known */
  rulesFor(jobs) {
    if (!this.rules.isCurrent) return null;
    return (this.rules.data ?? []).filter((rule) => jobs.some((job) => isAbout(rule, job)));
  }

  /** @returns {string} what is selected, as a text; empty for nothing */
  get selection() {
    const { t, lane } = this.app.state;
    return t ? JSON.stringify([t, lane]) : '';
  }

  /** Whether the alerts of the selected cells are to be shown over them. */
  get isShown() {
    return this.selection !== '' && this.selection !== this.dismissed && this.cell.isCurrent && (this.cell.data?.total ?? 0) > 0;
  }

  /** Leaves the focus where the selection was made. */
  dismiss = () => {
    this.dismissed = this.selection;
    this.app.changed();
    const plots = document.querySelectorAll('.timeline .lane-plot');
    /** @type {HTMLElement | undefined} */ (plots[this.app.state.lane.length > 0 ? 1 : 0])?.focus({ preventScroll: true });
  };
}

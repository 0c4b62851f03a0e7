// The panel of alerts under the lanes: counts over time, a card a rule or the alerts one by one, or why there are none.

import { html, nothing } from '../vendor/lit-html.js';
import { STATUSES } from '../alerts.js';
import { timeText } from '../clock.js';
import { counted } from '../format.js';
import { newRuleLink, ruleLink } from '../links.js';
import { ALERTS_A_PAGE } from '../queries-alerts.js';
import { spanText } from '../time.js';
import { curlButton, emptyState, panelBody, scoreBadge } from '../widgets/parts.js';
import '../widgets/alert-line.js';

/** @import {ExplorerView} from './explorer.js' */
/** @import {Alerts, RuleAlerts, Statuses} from '../alerts.js' */
/** @import {Alert, Zone} from '../types.d.ts' */

/** Elasticsearch pages no further. */
const MOST_PAGED = 8000;

/** @param {ExplorerView} view */
export function alertsPanel(view) {
  const { panel } = view.alerts;
  const data = panel.data;
  if (view.app.panels.settings.data?.alerts === undefined) return nothing;
  return html`<section class="panel alerts"><div class="panel-head"><h2>Alerts</h2>${data && data.total > 0 ? statusBadges(data.statuses) : nothing}${data && data.total > 0 ? toggle(view) : nothing}</div>
    ${panel.status === 'failed' && panel.error?.status === 403 ? refused(panel.error.reason) : panelBody(panel, () => (data && data.total > 0 ? content(view, data) : data ? none(view, data) : nothing))}</section>`;
}

/** @param {Statuses} statuses */
export function statusBadges(statuses) {
  return html`<span class="badges">${STATUSES.filter((status) => statuses[status] > 0).map((status) => html`<span class=${`badge ${status}`}>${statuses[status].toLocaleString('en-GB')} ${status}</span> `)}</span>`;
}

/** @param {ExplorerView} view */
function toggle(view) {
  const { alerts } = view.state;
  const request = view.alerts.panel.requests[0];
  return html`<div class="tools"><span class="tabs" role="group" aria-label="Alerts shown as">${[['summary', 'Summary'], ['details', 'Details']].map(([value, text]) => html`
    <button aria-pressed=${alerts === value} @click=${() => view.app.go({ alerts: value })}>${text}</button>`)}</span>
    <a href="rules">Rules</a>${request ? curlButton(request) : nothing}</div>`;
}

/** @param {ExplorerView} view @param {Alerts} data */
function content(view, data) {
  return html`<p class="dim alert-caption">Alerts whose anomalies lie in a cell</p>
    <alert-line .zone=${view.state.tz} .model=${data.counts} .selection=${view.state.t}
      @lane-select=${(/** @type {CustomEvent} */ event) => view.select(event.detail, true)}></alert-line>
    ${view.state.alerts === 'details' ? details(view, data) : cards(data.rules, view.state.tz)}`;
}

/** @param {RuleAlerts[]} rules @param {Zone} zone */
function cards(rules, zone) {
  return html`<ul class="alert-cards">${rules.map(({ id, name, statuses, total, since, duration }) => html`<li class="alert-card">
    <h3><a href=${ruleLink(id)}>${name}</a></h3>${statusBadges(statuses)}
    <dl><div><dt>Total</dt><dd>${total.toLocaleString('en-GB')}</dd></div>
      <div><dt>${statuses.active > 0 ? 'Started' : statuses.recovered > 0 ? 'Recovered' : 'Ended'}</dt><dd>${since ? timeText(since, zone) : '–'}</dd></div>
      <div><dt>Last duration</dt><dd>${spanText(duration)}</dd></div></dl></li>`)}</ul>`;
}

const HEADERS = ['Status', 'Reason', 'Rule', 'Job', 'Score', 'Triggered', 'Recovered', 'Latest anomaly', 'Duration'];

/** @param {ExplorerView} view @param {Alerts} data */
function details(view, { shown, total }) {
  return html`<div class="scroll-x" role="region" aria-label="Alerts" tabindex="0"><table><thead><tr>${HEADERS.map((name) => html`<th>${name}</th>`)}</tr></thead>
    <tbody>${shown.map((alert) => alertRow(alert, view.state.tz))}</tbody></table></div>${pager(view, total)}`;
}

/** @param {Alert} alert @param {Zone} zone */
function alertRow(alert, zone) {
  const time = (/** @type {number | null} */ at) => (at === null ? '–' : timeText(at, zone));
  return html`<tr><td><span class=${`badge ${alert.status}`}>${alert.status}</span>${alert.isMuted ? html` <span class="tag">muted</span>` : nothing}</td>
    <td class="reason">${alert.reason}</td><td><a href=${ruleLink(alert.ruleId)}>${alert.rule}</a></td><td>${alert.job}</td>
    <td>${alert.score === null ? '–' : scoreBadge(alert.score)}</td><td class="time">${time(alert.start)}</td><td class="time">${alert.status === 'recovered' ? time(alert.end) : '–'}</td>
    <td class="time">${time(alert.anomaly)}</td><td class="time">${spanText(alert.duration)}</td></tr>`;
}

/** @param {ExplorerView} view @param {number} total */
function pager(view, total) {
  const pages = Math.ceil(Math.min(total, MOST_PAGED) / ALERTS_A_PAGE);
  const page = view.state.alert_page;
  if (pages <= 1 && page === 1) return nothing;
  const go = (/** @type {number} */ to) => view.app.go({ alert_page: to });
  return html`<p class="more"><button class="quiet" aria-label="Newer alerts" ?disabled=${page <= 1} @click=${() => go(Math.min(page - 1, pages))}>‹</button>
    <span class="dim">page ${page} of ${pages}, ${counted(total, 'alert')}${total > MOST_PAGED ? `; a shorter range shows those beyond the newest ${MOST_PAGED.toLocaleString('en-GB')}` : ''}</span>
    <button class="quiet" aria-label="Older alerts" ?disabled=${page >= pages} @click=${() => go(page + 1)}>›</button></p>`;
}

/** @param {ExplorerView} view @param {Alerts} data */
function none(view, data) {
  const rules = view.alerts.rulesFor(view.jobs);
  const create = html`<a href=${newRuleLink({ jobs: view.state.job.length > 0 ? view.jobs.map((job) => job.job_id) : [] })}>Create a rule</a>`;
  if (view.alerts.rules.status === 'failed') return panelBody(view.alerts.rules, () => nothing);
  if (rules === null) return html`<div class="loading" role="status">Loading…</div>`;
  // The index is made before the first rule, and one that may not be read is left out like one that is not there.
  if (data.isAbsent && (view.alerts.rules.data ?? []).length > 0) return refused('There are rules, but none of their alerts can be seen.');
  if (rules.length === 0) {
    const why = data.isAbsent ? 'No rule was ever made here, so there is no index of alerts either.' : data.last === null ? '' : `Alerts of former rules: the last at ${timeText(data.last, view.state.tz)}.`;
    return emptyState('No rule watches these jobs', html`A rule tells of an anomaly the moment its bucket is final. ${why}`, create);
  }
  const off = rules.filter((rule) => !rule.enabled).length;
  const about = `${counted(rules.length, 'rule')} ${rules.length === 1 ? 'watches' : 'watch'} these jobs${off > 0 ? `, ${off} of them disabled` : ''}. ${data.last === null ? 'None has raised an alert yet: what was found before a rule was made is no news.' : `The last alert was at ${timeText(data.last, view.state.tz)}.`}`;
  return emptyState('No alert in this time', about, html`<a href="rules">See the rules</a>`);
}

/** @param {string} reason */
function refused(reason) {
  return emptyState('No right to read alerts', html`${reason} Reading them needs <code>read</code> on the alias of the alerts, and <code>monitor_ml</code> for their rules.`);
}

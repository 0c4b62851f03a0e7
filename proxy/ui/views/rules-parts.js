// How the list of alert rules looks: the table, the menu of each row, and the alerts of the rule that is open.

import { html, nothing } from '../vendor/lit-html.js';
import { agoText, timeText } from '../clock.js';
import { counted } from '../format.js';
import { HEALTH_RULE } from '../queries-alerts.js';
import { conditionText, watchedText } from '../rule-body.js';
import { spanText } from '../time.js';
import { closeMenu, emptyState, menu, panelBody, scoreBadge } from '../widgets/parts.js';

/** @import {RulesView} from './rules.js' */
/** @import {Alert, Rule} from '../types.d.ts' */

/** @param {RulesView} view */
export function rulesPage(view) {
  const { data } = view.rules;
  const refused = view.rules.status === 'failed' && view.rules.error?.status === 403;
  return html`<div class="panel-head"><h1 tabindex="-1">Alert rules</h1>${data ? html`<span class="dim">${summary(data.rules)}</span>` : nothing}
      <div class="tools"><button class="main" @click=${view.create}>Create a rule</button></div></div>
    ${view.problem ? html`<p class="failure" role="alert">${view.problem}</p>` : nothing}
    ${refused ? html`<section class="panel">${emptyState('No right to read rules', html`${view.rules.error?.reason} Reading rules needs <code>monitor_ml</code>, changing them <code>manage_ml</code>.`)}</section>`
      : panelBody(view.rules, () => html`<section class="panel"><h2 class="unseen">List of rules</h2>${data?.rules.length === 0 ? noRules(view) : table(view)}</section>`)}
    ${refused ? nothing : view.connectorsPart.render()}${view.dialog.render()}`;
}

/** @param {Rule[]} rules @returns {string} */
function summary(rules) {
  const active = rules.reduce((sum, rule) => sum + activeOf(rule), 0);
  return `${counted(rules.length, 'rule')} · ${rules.filter((rule) => rule.enabled).length} enabled · ${counted(active, 'active alert')}`;
}

/** @param {Rule} rule @returns {number} */
function activeOf(rule) {
  return rule.last_run?.alerts_count.active ?? 0;
}

/** @param {RulesView} view */
function noRules(view) {
  return emptyState('There are no rules yet', 'A rule tells of an anomaly once, the moment its bucket is final, and when it is over.',
    html`<button @click=${view.create}>Create a rule</button>`);
}

/** @param {RulesView} view */
function table(view) {
  const rules = view.shown();
  const all = view.rules.data;
  return html`<div class="panel-head"><input type="search" aria-label="Search rules" placeholder="Search names and tags" size="30" .value=${view.app.state.q}
      @input=${(/** @type {Event} */ event) => view.app.go({ q: /** @type {HTMLInputElement} */ (event.target).value }, { replace: true })}>${all && all.total > all.rules.length
    ? html`<span class="dim">the first ${all.rules.length} of ${all.total}</span>` : nothing}</div>
    <div class="scroll-x" role="region" aria-label="Rules" tabindex="0"><table class="rules"><thead><tr><th class="narrow"><span class="unseen">Details</span></th>
      <th>Rule</th><th>Type</th><th>Watches</th><th>State</th><th>Last run</th><th class="number">Active alerts</th><th><span class="unseen">Actions</span></th></tr></thead>
    <tbody>${rules.map((rule) => ruleRow(view, rule))}</tbody></table></div>
    ${rules.length === 0 ? html`<p class="empty">No rule matches the search.</p>` : nothing}`;
}

/** @param {RulesView} view @param {Rule} rule */
function ruleRow(view, rule) {
  const { state } = view.app;
  const isOpen = state.open === rule.id;
  const muted = rule.muted_alert_ids.length;
  return html`<tr class=${isOpen ? 'open' : ''}>
    <td class="narrow"><button class="icon" aria-expanded=${isOpen} aria-label=${`Alerts of ${rule.name}`} @click=${() => view.app.go({ open: isOpen ? '' : rule.id }, { replace: true })}>${isOpen ? '▾' : '▸'}</button></td>
    <td>${rule.name} ${rule.tags.map((tag) => html`<span class="tag">${tag}</span> `)}${rule.mute_all ? html`<span class="tag">muted</span>` : muted > 0 ? html`<span class="tag">${counted(muted, 'alert')} muted</span>` : nothing}</td>
    <td>${rule.rule_type_id === HEALTH_RULE ? 'health of jobs' : 'anomalies'}<div class="dim wrap">${conditionText(rule)}</div></td>
    <td class="wrap">${watchedText(rule)}</td><td><span class=${`state ${rule.enabled ? 'started' : ''}`}>${rule.enabled ? 'enabled' : 'disabled'}</span></td>
    <td>${lastRun(view, rule)}</td><td class="number">${activeOf(rule) > 0 ? html`<span class="badge active">${activeOf(rule)}</span>` : '0'}</td>
    <td class="time">${rowMenu(view, rule)}</td></tr>
    ${isOpen ? html`<tr class="details"><td colspan="8">${alertsOfRule(view, rule)}</td></tr>` : nothing}`;
}

/** @param {RulesView} view @param {Rule} rule */
function lastRun(view, { execution_status: run, last_run: last }) {
  if (!run.last_execution_date) return html`<span class="dim">not yet</span>`;
  const at = Date.parse(run.last_execution_date);
  const why = run.error?.message ?? (last?.outcome_msg ?? []).join(' ');
  return html`<span title=${timeText(at, view.app.state.tz)}>${agoText(Math.max(0, Date.now() - at))}</span>${run.status === 'error' || run.status === 'warning'
    ? html`<div class="wrong">${run.status}${why ? `: ${why}` : ''}</div>` : nothing}`;
}

/** @param {RulesView} view @param {Rule} rule */
function rowMenu(view, rule) {
  const item = (/** @type {string} */ text, /** @type {() => unknown} */ act, danger = false) => html`<button class=${`option ${danger ? 'danger' : ''}`}
    @click=${(/** @type {Event} */ event) => { closeMenu(/** @type {Element} */ (event.target)); act(); }}>${text}</button>`;
  return menu(html`<span aria-hidden="true">⋯</span><span class="unseen">Actions for ${rule.name}</span>`, html`<div class="options">
    ${item('Edit…', () => view.edit(rule))}${item(rule.enabled ? 'Disable' : 'Enable', () => view.toggle(rule))}
    ${item(rule.mute_all ? 'Unmute' : 'Mute', () => view.mute(rule))}${item('Delete…', () => view.remove(rule), true)}</div>`, 'row-menu right');
}

/** @param {RulesView} view @param {Rule} rule */
function alertsOfRule(view, rule) {
  return panelBody(view.alerts, () => {
    const { shown: alerts, isUnreadable } = view.alerts.data ?? { shown: [], isUnreadable: false };
    const known = new Set(alerts.map((alert) => alert.group));
    const others = rule.muted_alert_ids.filter((id) => !known.has(id));
    return html`${alerts.length === 0 ? html`<p class="dim">${isUnreadable ? 'Its alerts may not be read: that needs read on the alias of the alerts.' : 'It has not raised an alert yet.'}</p>` : html`<div class="scroll-x" role="region" aria-label=${`Alerts of ${rule.name}`} tabindex="0"><table>
      <thead><tr><th>Status</th><th>About</th><th>Reason</th><th>Score</th><th>Triggered</th><th>Duration</th><th><span class="unseen">Actions</span></th></tr></thead>
      <tbody>${alerts.map((alert) => alertRow(view, rule, alert))}</tbody></table></div>`}
      ${others.length > 0 ? html`<p>Muted: ${others.map((id) => html`${id} ${muteButton(view, rule, id)} `)}</p>` : nothing}`;
  });
}

/** @param {RulesView} view @param {Rule} rule @param {Alert} alert */
function alertRow(view, rule, alert) {
  return html`<tr><td><span class=${`badge ${alert.status}`}>${alert.status}</span></td><td class="wrap">${alert.group}</td><td class="reason">${alert.reason}</td>
    <td>${alert.score === null ? '–' : scoreBadge(alert.score)}</td><td class="time">${timeText(alert.start, view.app.state.tz)}</td><td class="time">${spanText(alert.duration)}</td>
    <td>${muteButton(view, rule, alert.group)}</td></tr>`;
}

/** @param {RulesView} view @param {Rule} rule @param {string} group */
function muteButton(view, rule, group) {
  const isMuted = rule.muted_alert_ids.includes(group);
  return html`<button class="quiet" ?disabled=${rule.mute_all} @click=${() => view.muteAlert(rule, group, !isMuted)}>${isMuted ? 'Unmute' : 'Mute'}<span class="unseen"> ${group}</span></button>`;
}

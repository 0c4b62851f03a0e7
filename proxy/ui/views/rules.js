// The list of alert rules: what it asks for and does. How it looks is rules-parts.js's, the form rule-form.js's matter.

import { alertList, isAbsent } from '../alerts.js';
import { ApiError, send } from '../api.js';
import { NEW_RULE } from '../links.js';
import { Panel } from '../panel.js';
import { connectorsRequest, deleteRule, muteAlert, ruleAction, ruleAlertsRequest, rulesRequest } from '../queries-alerts.js';
import { formOf, newForm } from '../rule-body.js';
import { ConnectorsPart } from './connectors.js';
import { RuleDialog } from './rule-form.js';
import { rulesPage } from './rules-parts.js';

/** @import {App} from '../app.js' */
/** @import {Alert, ApiRequest, Connector, Rule} from '../types.d.ts' */

export class RulesView {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    const changed = () => app.changed();
    /** @type {Panel<{rules: Rule[], total: number}>} */ this.rules = new Panel(changed);
    /** @type {Panel<Connector[]>} */ this.connectors = new Panel(changed);
    /** @type {Panel<{shown: Alert[], isUnreadable: boolean}>} of the open rule */ this.alerts = new Panel(changed);
    this.dialog = new RuleDialog(this);
    this.connectorsPart = new ConnectorsPart(this);
    this.problem = '';
  }

  get panels() { return [this.rules, this.connectors, this.alerts]; }

  title() { return 'Alert rules'; }

  /** @returns {number} now and then: rules are judged by themselves */
  refreshSeconds() { return (this.rules.data?.rules ?? []).some((rule) => rule.enabled) ? 10 : Infinity; }

  update() {
    const { state, round, panels } = this.app;
    this.rules.load([rulesRequest()], ([answer]) => ({ rules: answer.data, total: answer.total }), round);
    this.connectors.load([connectorsRequest()], ([answer]) => answer);
    const isOpen = (this.rules.data?.rules ?? []).some((rule) => rule.id === state.open);
    const alias = panels.settings.data?.alerts;
    this.alerts.load(isOpen && alias ? [ruleAlertsRequest(alias, state.open)] : [], ([answer]) => ({ shown: alertList(answer), isUnreadable: isAbsent(answer) }), round);
    if (state.open !== NEW_RULE) this.dialog.forgetNew();
    else if (panels.jobs.data && !this.dialog.isOpen) {
      this.dialog.show(newForm({ jobs: state.job, score: state.score, type: state.type, group: state.group, kql: state.kql }), null);
    }
  }

  /** @returns {Rule[]} those that pass the search */
  shown() {
    const words = this.app.state.q.toLowerCase().split(/\s+/).filter((word) => word !== '');
    return (this.rules.data?.rules ?? []).filter(({ name, tags }) => words.every((word) => `${name} ${tags.join(' ')}`.toLowerCase().includes(word)));
  }

  create = () => this.app.go({ open: NEW_RULE, job: [], score: 75, type: 'record', group: 'job', kql: '' });

  /** @param {Rule} rule */
  edit(rule) { this.dialog.show(formOf(rule), rule); }

  /** @param {Rule} rule */
  toggle(rule) { return this.act(ruleAction(rule.id, rule.enabled ? '/_disable' : '/_enable', rule.enabled ? {} : undefined)); }

  /** @param {Rule} rule */
  mute(rule) { return this.act(ruleAction(rule.id, rule.mute_all ? '/_unmute_all' : '/_mute_all')); }

  /** @param {Rule} rule @param {string} group what the alert is about @param {boolean} on */
  muteAlert(rule, group, on) { return this.act(muteAlert(rule.id, group, on)); }

  /** @param {Rule} rule */
  remove(rule) {
    if (!confirm(`Delete the rule ${rule.name}? Its alerts stay, and are untracked.`)) return undefined;
    return this.act(deleteRule(rule.id));
  }

  /** @param {ApiRequest} request */
  async act(request) {
    this.problem = '';
    try {
      await send(request);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.problem = `${request.method} ${request.path}: ${error.reason || error.type}`;
    }
    this.app.refresh();
  }

  render() {
    return rulesPage(this);
  }
}

// The alerts of the selected cells, shown over the first of them; and the way from there to a rule for their like.

import { html, nothing } from '../vendor/lit-html.js';
import { timeText } from '../clock.js';
import { BY_JOB } from '../entities.js';
import { scoreAt, selectedBlocks } from '../lanes.js';
import { newRuleLink, ruleLink } from '../links.js';
import { ruleOfCells } from '../rule-body.js';
import { selected } from '../selection.js';
import { spanText } from '../time.js';
import { statusBadges } from './alerts-panel.js';
import '../widgets/cell-popover.js';

/** @import {ExplorerView} from './explorer.js' */
/** @import {LaneModel} from '../types.d.ts' */

const ROWS = 5;

/** @param {ExplorerView} view @returns {{lane: LaneModel | null, which: number}} the lanes that are selected in, and which of the two they are */
function lanesOfSelection(view) {
  const { lane } = view.state;
  const overall = view.overall.data;
  if (lane.length === 0) return { lane: overall?.overall ?? null, which: 0 };
  return { lane: (view.by === BY_JOB ? overall?.jobs : view.cells.data) ?? null, which: 1 };
}

/** @param {ExplorerView} view */
export function newRuleOfCells(view) {
  const { lane: model } = lanesOfSelection(view);
  const { state, by, jobs, grid } = view;
  if (!model || !grid) return nothing;
  const chosen = selectedBlocks(model, { t: state.t, lanes: state.lane.length > 0 ? state.lane : null });
  const scores = chosen.flatMap(({ first, last, top, bottom }) => Array.from({ length: (last - first + 1) * (bottom - top + 1) },
    (_, at) => scoreAt(model, { lane: top + Math.floor(at / (last - first + 1)), cell: first + (at % (last - first + 1)) })));
  const meant = selected(state, jobs.map((job) => job.job_id), by, grid.range);
  const prefill = ruleOfCells({ jobs: meant.jobs, lanes: meant.lanes, score: Math.max(0, ...scores) });
  return html`<a class="button" href=${newRuleLink(prefill)}>Create a rule from this</a>`;
}

/** @param {ExplorerView} view */
export function cellPopover(view) {
  const { alerts, state } = view;
  const data = alerts.cell.data;
  if (!alerts.isShown || !data) return nothing;
  const rest = data.total - Math.min(ROWS, data.shown.length);
  const isAnyEntity = state.lane.length > 0 && view.by !== BY_JOB;
  return html`<cell-popover role="region" aria-label="Alerts in the selection" .place=${{ t: state.t, lanes: state.lane, which: lanesOfSelection(view).which }}
      @dismiss=${alerts.dismiss}><div class="panel-head"><h3>Alerts</h3>${statusBadges(data.statuses)}
        <button class="icon" aria-label="Dismiss the alerts of the selection" @click=${alerts.dismiss}>×</button></div>
    <table><thead><tr><th>Rule</th><th>Start</th><th>Duration</th></tr></thead><tbody>${data.shown.slice(0, ROWS).map((alert) => html`<tr>
      <td><a href=${ruleLink(alert.ruleId)}>${alert.rule}</a></td><td class="time">${timeText(alert.start, state.tz)}</td><td class="time">${spanText(alert.duration)}</td></tr>`)}</tbody></table>
    <p class="dim">${rest > 0 ? `and ${rest.toLocaleString('en-GB')} more; ` : ''}${isAnyEntity ? 'of this time, whichever entity they are about' : 'of this time'}</p>
    <p>${newRuleOfCells(view)}</p></cell-popover>`;
}

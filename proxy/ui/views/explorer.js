// The explorer: what it asks for. How it looks is explorer-parts.js's matter, its charts explorer-charts.js's.

import { BY_JOB, influencerFields, sameFilter } from '../entities.js';
import { annotationsOf, entityLanes, namesOf, overallLanes, recordsOf, relatedOf } from '../model.js';
import { Panel } from '../panel.js';
import { annotationsRequest, cellsRequests, namesRequest, overallRequest, recordsRequest, relatedRequest } from '../queries.js';
import { chosenJobs, laneGrid, lanePage, selected, viewBy } from '../selection.js';
import { ExplorerAlerts } from './explorer-alerts.js';
import { ExplorerCharts } from './explorer-charts.js';
import { explorerPage } from './explorer-parts.js';

/** @import {App} from '../app.js' */
/** @import {Annotation, Filter, Job, LaneModel, Range} from '../types.d.ts' */
/** @import {Records, Total} from '../model.js' */
/** @import {Grid} from '../selection.js' */
/** @typedef {{top: {field: string, values: Total[]}[], lanes: Total[], count: number}} Names */

/** Widths within such a step share a grid, so that a resize does not ask anew for each pixel. */
const WIDTH_STEP = 40;
const TABLE_PAGE = 50;
/** From which width of the window on how much of it is beside the lanes, as app.css has it. */
const BESIDE = [[1000, 484], [640, 235], [0, 152]];

export class ExplorerView {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    const changed = () => app.changed();
    /** @type {Panel<{overall: LaneModel, jobs: LaneModel}>} */ this.overall = new Panel(changed);
    /** @type {Panel<Record<string, string[]>>} */ this.related = new Panel(changed);
    /** @type {Panel<Record<string, string[]>>} to the selected lanes */ this.laneRelated = new Panel(changed);
    /** @type {Panel<Names>} */ this.names = new Panel(changed);
    /** @type {Panel<Names>} of the selected time */ this.tops = new Panel(changed);
    /** @type {Panel<LaneModel>} */ this.cells = new Panel(changed);
    /** @type {Panel<Records>} */ this.records = new Panel(changed);
    /** @type {Panel<Annotation[]>} */ this.annotations = new Panel(changed);
    this.charts = new ExplorerCharts(app);
    this.alerts = new ExplorerAlerts(app);
    /** @type {Job[]} */ this.jobs = [];
    /** @type {string[]} */ this.unknown = [];
    /** @type {Grid | null} */ this.grid = null;
    this.by = BY_JOB;
    /** @type {string[]} */ this.shownNames = [];
    this.tableShown = TABLE_PAGE;
    /** @type {string | null} the record pointed at in table or chart */ this.highlight = null;
  }

  get panels() {
    return [this.overall, this.related, this.laneRelated, this.names, this.tops, this.cells, this.records, this.annotations, this.charts.panel,
      ...this.alerts.panels];
  }

  get state() { return this.app.state; }

  /** @returns {number} of its own accord, never */
  refreshSeconds() { return Infinity; }

  title() { return 'Anomaly explorer'; }

  /** Asks for whatever the state needs and is not there yet. */
  update() {
    const { jobs: all, extents } = this.app.panels;
    const chosen = chosenJobs(all.data ?? [], this.state.job);
    [this.jobs, this.unknown] = [chosen.jobs, chosen.unknown];
    this.by = viewBy(this.state, this.jobs);
    this.grid = extents.data && laneGrid(this.state, this.jobs, extents.data, this.app.now, laneWidth());
    if (!this.grid || this.jobs.length === 0) {
      for (const panel of this.panels) panel.load([], () => /** @type {any} */ (null));
      return;
    }
    const ids = this.jobs.map((job) => job.job_id);
    this.#updateLanes(ids, this.grid);
    this.#updateSelection(ids, this.grid);
    this.alerts.update(this.jobs, this.by, this.grid);
  }

  /** @param {string[]} ids @param {{range: Range, interval: number}} grid */
  #updateLanes(ids, { range, interval }) {
    const { state, app } = this;
    this.overall.load([overallRequest(ids, range, interval, state.top)],
      ([answer]) => overallLanes(answer, ids, range, interval), app.round);
    this.annotations.load([annotationsRequest(ids, range)], ([answer]) => annotationsOf(answer), app.round);
    const fields = influencerFields(this.jobs);
    if (fields.length === 0) {
      for (const panel of [this.names, this.cells, this.related]) panel.load([], () => /** @type {any} */ (null));
      return;
    }
    this.related.load(state.f.length > 0 ? [relatedRequest(ids, range, state.f)] : [], ([answer]) => relatedOf(answer), app.round);
    if (state.f.length > 0 && !this.related.isCurrent) return;
    this.names.load([namesRequest({ jobs: ids, range, by: this.by, order: state.order, related: this.related.data })],
      ([answer]) => namesOf(answer, fields), app.round);
    if (!this.names.isCurrent || this.by === BY_JOB) {
      if (this.by === BY_JOB) this.cells.load([], () => /** @type {any} */ (null));
      return;
    }
    const names = this.#laneNames();
    this.cells.load(cellsRequests({ jobs: ids, range, interval, by: this.by, names }),
      (answers) => withTotals(entityLanes(answers, names, range, interval), this.names.data?.lanes ?? []), app.round);
  }

  /** @returns {string[]} the lanes of this page; a filter on their field leaves only what it names */
  #laneNames() {
    const wanted = this.state.f.filter((filter) => filter.field === this.by).map((filter) => filter.value);
    const all = (this.names.data?.lanes ?? []).map((lane) => lane.name);
    return lanePage(wanted.length > 0 ? all.filter((name) => wanted.includes(name)) : all, this.state).shown;
  }

  /** @param {string[]} ids @param {{range: Range, interval: number}} grid */
  #updateSelection(ids, grid) {
    const { state, app } = this;
    const { jobs, range, lanes } = selected(state, ids, this.by, grid.range);
    const asked = { jobs, range, lanes, filters: state.f, min: state.min };
    this.records.load([recordsRequest(asked)], ([answer]) => recordsOf(answer), app.round);
    this.#updateTops(jobs, range, lanes);
    this.charts.update(this.records.isCurrent ? this.records.data?.records ?? [] : null, this.jobs, state.t, grid);
  }

  /** Who stood out in the selected cells. @param {string[]} jobs @param {Range} range @param {Filter[]} lanes */
  #updateTops(jobs, range, lanes) {
    const { state, app } = this;
    const isNeeded = state.t !== null && influencerFields(this.jobs).length > 0;
    const hasLanes = isNeeded && lanes.length > 0;
    this.laneRelated.load(hasLanes ? [relatedRequest(jobs, range, state.f, lanes)] : [], ([answer]) => relatedOf(answer), app.round);
    if (hasLanes && !this.laneRelated.isCurrent) return;
    const related = hasLanes ? this.laneRelated.data : this.related.data;
    this.tops.load(isNeeded ? [namesRequest({ jobs, range, by: this.by, order: state.order, related })] : [],
      ([answer]) => namesOf(answer, influencerFields(this.jobs)), app.round);
  }

  /** @returns {{names: Names | null, panel: Panel<Names>}} what the list of top influencers shows */
  influencers() {
    const panel = this.state.t !== null ? this.tops : this.names;
    return { names: panel.data, panel };
  }

  /** @param {Filter} filter @param {boolean} on */
  toggleFilter = (filter, on) => {
    const others = this.state.f.filter((each) => !sameFilter(each, filter));
    this.app.go({ f: on ? [...others, filter] : others, page: 1, ...(filter.field === this.by && { lane: [] }) });
  };

  /** @param {{range: Range, lanes: string[]} | null} selection @param {boolean} isOverall */
  select = (selection, isOverall) => {
    this.tableShown = TABLE_PAGE;
    this.app.go({ t: selection?.range ?? null, lane: selection && !isOverall ? selection.lanes : [], open: '' });
    this.alerts.dismissed = '';
  };

  /** @param {string | null} key */
  point = (key) => {
    if (this.highlight === key) return;
    this.highlight = key;
    this.app.changed();
  };

  more = () => {
    this.tableShown += TABLE_PAGE;
    this.app.changed();
  };

  render() {
    return explorerPage(this);
  }
}

/** @param {LaneModel} lanes @param {Total[]} totals @returns {LaneModel} */
function withTotals(lanes, totals) {
  const byName = new Map(totals.map((total) => [total.name, total]));
  lanes.totals = lanes.names.map((name) => byName.get(name) ?? { max: 0, sum: 0 });
  return lanes;
}

/** How wide a lane is, or will be. @returns {number} */
function laneWidth() {
  const plot = document.querySelector('swim-lane .lane-plot');
  const width = plot && plot.clientWidth > 0 ? plot.clientWidth : innerWidth - (BESIDE.find(([from]) => innerWidth > from)?.[1] ?? 0);
  return Math.max(WIDTH_STEP, Math.floor(width / WIDTH_STEP) * WIDTH_STEP);
}

// The view of one series: what it asks for. How it looks is metric-parts.js's matter.

import { entityFields, seriesText, seriesTitle } from '../entities.js';
import { annotationsOf, emptyLanes, forecastSeries, recordSeries, recordsOf, wholeRange } from '../model.js';
import { Panel } from '../panel.js';
import { annotationsRequest, recordsRequest, searchRequest } from '../queries.js';
import { entityValuesRequest, eventsRequest, forecastRequest, forecastsRequest, recordClauses, worstRecordRequest } from '../queries-series.js';
import { searchOf } from '../series-source.js';
import { SECOND, alignRange, cellInterval, parseDuration, resolveRange } from '../time.js';
import { Annotations } from './metric-annotations.js';
import { Forecasts } from './metric-forecast.js';
import { metricPage } from './metric-parts.js';

/** @import {App} from '../app.js' */
/** @import {Annotation, AnomalyRecord, Detector, Filter, Job, LaneModel, Range, Series, SeriesKey} from '../types.d.ts' */
/** @import {Records} from '../model.js' */
/** @typedef {{value: string, worst: number}} EntityValue */
/** @typedef {{description: string, start_time: number, end_time: number, calendar_id: string}} ScheduledEvent */

const OPENS_ON_BUCKETS = 500;
const FOCUS_POINTS = 2000;
const CONTEXT_POINTS = 1000;
const TABLE_PAGE = 50;

export class MetricView {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    const changed = () => app.changed();
    /** @type {Panel<AnomalyRecord | null>} */ this.worst = new Panel(changed);
    /** @type {Map<string, Panel<EntityValue[]>>} by field */ this.values = new Map();
    /** @type {Panel<Series>} */ this.focus = new Panel(changed);
    /** @type {Panel<Series>} */ this.context = new Panel(changed);
    /** @type {Panel<Records>} */ this.records = new Panel(changed);
    /** @type {Panel<Records>} of the whole range */ this.allRecords = new Panel(changed);
    /** @type {Panel<Annotation[]>} */ this.annotations = new Panel(changed);
    /** @type {Panel<ScheduledEvent[]>} */ this.events = new Panel(changed);
    /** @type {Panel<any[]>} */ this.forecasts = new Panel(changed);
    /** @type {Panel<Series>} */ this.forecast = new Panel(changed);
    this.annotating = new Annotations(this);
    this.forecasting = new Forecasts(this);
    /** @type {Job | null} */ this.job = null;
    /** @type {Detector | null} */ this.detector = null;
    /** @type {Range | null} */ this.range = null;
    /** @type {Range | null} */ this.shown = null;
    this.interval = 0;
    this.contextInterval = 0;
    this.origin = '';
    /** @type {Filter[]} */ this.entities = [];
    this.anomalousOnly = false;
    this.tableShown = TABLE_PAGE;
    /** @type {string | null} */ this.highlight = null;
  }

  get panels() {
    return [this.worst, this.focus, this.context, this.records, this.allRecords, this.annotations, this.events, this.forecasts,
      this.forecast, ...this.values.values()];
  }

  get state() { return this.app.state; }

  /** @returns {number} of its own accord, never */
  refreshSeconds() { return Infinity; }

  title() { return this.job ? `${this.job.job_id} series` : 'Series'; }

  zoom() { return this.shown; }

  update() {
    const { jobs, extents } = this.app.panels;
    this.job = (jobs.data ?? []).find((job) => job.job_id === this.state.job[0]) ?? (this.state.job.length === 0 ? jobs.data?.[0] ?? null : null);
    const detectors = this.job?.analysis_config.detectors ?? [];
    this.detector = detectors[this.state.det] ?? detectors[0] ?? null;
    this.range = this.job && extents.data ? resolveRange(this.state, this.app.now, wholeRange(extents.data, [this.job.job_id])) : null;
    if (!this.job || !this.detector || !this.range) {
      for (const panel of this.panels) panel.load([], () => /** @type {any} */ (null));
      return;
    }
    if (!this.#chooseEntities(this.job, this.detector, this.range)) return;
    this.#chooseTimes(this.job, this.range);
    this.#loadSeries(this.job, this.detector, this.range);
    this.#loadForecasts(this.job, this.detector);
  }

  /** @param {Job} job @param {Detector} detector @param {Range} range @returns {boolean} whether they are known */
  #chooseEntities(job, detector, range) {
    const fields = entityFields(detector);
    const given = this.state.entities.filter(({ field }) => fields.includes(field));
    const isWhole = given.length === fields.length;
    this.worst.load(isWhole ? [] : [worstRecordRequest(job.job_id, detector, given, range)],
      ([answer]) => answer.hits?.hits[0]?._source ?? null, this.app.round);
    for (const field of this.values.keys()) if (!fields.includes(field)) this.values.delete(field);
    for (const field of fields) this.#loadValues(job, detector, field, given, range);
    if (isWhole) this.entities = given;
    else if (this.worst.isCurrent) this.entities = this.#completed(fields, given);
    else return false;
    return true;
  }

  /** @param {Job} job @param {Detector} detector @param {string} field @param {Filter[]} given @param {Range} range */
  #loadValues(job, detector, field, given, range) {
    const panel = this.values.get(field) ?? new Panel(() => this.app.changed());
    this.values.set(field, panel);
    const others = given.filter((entity) => entity.field !== field);
    panel.load([entityValuesRequest({ job: job.job_id, detector, field, others, range })],
      ([answer]) => (answer.aggregations?.values.buckets ?? []).map((/** @type {any} */ bucket) => ({ value: bucket.key, worst: bucket.worst.value ?? 0 })),
      this.app.round);
  }

  /** @param {string[]} fields @param {Filter[]} given @returns {Filter[]} what is not given, from the worst record */
  #completed(fields, given) {
    const record = this.worst.data;
    return fields.flatMap((field) => {
      const known = given.find((entity) => entity.field === field);
      if (known) return [known];
      const side = /** @type {const} */ (['partition', 'by', 'over']).find((each) => record?.[`${each}_field_name`] === field);
      const value = side ? record?.[`${side}_field_value`] : this.values.get(field)?.data?.[0]?.value;
      return value === undefined ? [] : [{ field, value: String(value) }];
    });
  }

  /** @param {Job} job @param {Range} range */
  #chooseTimes(job, range) {
    const span = parseDuration(job.analysis_config.bucket_span) || 60 * SECOND;
    const newest = { start: Math.max(range.start, range.end - OPENS_ON_BUCKETS * span), end: range.end };
    const width = Math.max(200, document.querySelector('.focus')?.clientWidth ?? innerWidth - 120);
    const zoom = this.state.zoom ? this.#withResults(this.state.zoom, range) : newest;
    this.interval = cellInterval(zoom, span, Math.min(FOCUS_POINTS, width));
    this.shown = zoom;
    this.contextInterval = cellInterval(range, span, Math.min(CONTEXT_POINTS, width));
  }

  /** Cuts off what is before or after all results; a forecast goes beyond them. @param {Range} zoom @param {Range} range @returns {Range} */
  #withResults(zoom, range) {
    const within = { start: Math.max(zoom.start, range.start), end: this.state.forecast ? zoom.end : Math.min(zoom.end, range.end) };
    return within.start < within.end ? within : zoom;
  }

  /** @param {Job} job @param {Detector} detector @param {Range} range */
  #loadSeries(job, detector, range) {
    const shown = /** @type {Range} */ (this.shown);
    const { round } = this.app;
    const clauses = recordClauses(this.key());
    const asked = { jobs: [job.job_id], filters: [], lanes: [], clauses };
    const { min } = this.state;
    this.records.load([recordsRequest({ ...asked, range: shown, min })], ([answer]) => recordsOf(answer), round);
    this.allRecords.load([recordsRequest({ ...asked, range, min: 0 })], ([answer]) => recordsOf(answer), round);
    this.annotations.load([annotationsRequest([job.job_id], range)], ([answer]) => annotationsOf(answer), round);
    this.events.load([eventsRequest(job.job_id, range)], ([answer]) => answer.events ?? [], round);
    this.origin = this.#loadLine(this.focus, job, detector, shown, this.interval);
    this.#loadLine(this.context, job, detector, range, this.contextInterval);
  }

  /** @param {Panel<Series>} panel @param {Job} job @param {Detector} detector @param {Range} wanted @param {number} interval */
  #loadLine(panel, job, detector, wanted, interval) {
    const range = alignRange(wanted, interval);
    const { origin, search } = searchOf({ job, detector, entities: this.entities, range, interval, fn: this.state.fn });
    panel.load(search ? [searchRequest(`/${search.indices}/_search?ignore_unavailable=true`, search.body)] : [],
      ([answer]) => /** @type {NonNullable<typeof search>} */ (search).read(answer), this.app.round);
    return origin;
  }

  /** @param {Job} job @param {Detector} detector */
  #loadForecasts(job, detector) {
    this.forecasts.load([forecastsRequest(job.job_id)],
      ([answer]) => (answer.hits?.hits ?? []).map((/** @type {any} */ hit) => hit._source), `${this.app.round} ${this.forecasting.round}`);
    const { forecast } = this.state;
    this.forecast.load(forecast ? [forecastRequest(job.job_id, detector, this.entities, forecast)] : [],
      ([answer]) => forecastSeries(answer, parseDuration(job.analysis_config.bucket_span)), `${this.app.round} ${this.forecasting.round}`);
  }

  /** @returns {SeriesKey} */
  key() {
    return { job: this.job?.job_id ?? '', detector: this.detector?.detector_index ?? 0, entities: this.entities };
  }

  /** @returns {string} */
  label() {
    return seriesTitle(this.detector ?? undefined, this.entities);
  }

  /** @returns {Series | null} the line of the focus chart */
  focusSeries() {
    if (this.focus.requests.length > 0) return this.focus.data;
    return this.records.data ? recordSeries(this.records.data.records, this.interval) : null;
  }

  /** @returns {Series | null} */
  contextSeries() {
    if (this.context.requests.length > 0) return this.context.data;
    return this.allRecords.data ? recordSeries(this.allRecords.data.records, this.contextInterval) : null;
  }

  /** @returns {LaneModel | null} the record scores of the focus, cell by cell */
  strip() {
    const records = this.records.data;
    if (!records || !this.shown) return null;
    if (this.#strip?.records === records && this.#strip.interval === this.interval) return this.#strip.model;
    const model = emptyLanes(['Record scores'], alignRange(this.shown, this.interval), this.interval);
    for (const record of records.records) {
      const cell = Math.floor((record.timestamp - model.start) / model.interval);
      if (cell >= 0 && cell < model.cells) model.scores[cell] = Math.max(model.scores[cell], record.record_score);
    }
    this.#strip = { records, interval: this.interval, model };
    return model;
  }

  /** @type {{records: Records, interval: number, model: LaneModel} | null} */ #strip = null;

  /** @returns {Annotation[]} those of this series, and those of the whole job */
  ownAnnotations() {
    const own = seriesText(this.key());
    return (this.annotations.data ?? []).filter(({ source }) => {
      const entities = /** @type {const} */ (['partition', 'by', 'over']).flatMap((side) => {
        const [field, value] = [source[`${side}_field_name`], source[`${side}_field_value`]];
        return field === undefined || value === undefined ? [] : [{ field: String(field), value: String(value) }];
      });
      if (entities.length === 0) return source.detector_index === undefined || source.detector_index === this.detector?.detector_index;
      return seriesText({ job: source.job_id, detector: source.detector_index ?? 0, entities }) === own;
    });
  }

  /** @returns {{start: number, end: number, text: string}[]} annotations and scheduled events, as the chart shades them */
  notes() {
    return [
      ...this.ownAnnotations().map(({ source }) => ({ start: source.timestamp, end: source.end_timestamp ?? source.timestamp, text: source.annotation })),
      ...(this.events.data ?? []).map((event) => ({ start: event.start_time, end: event.end_time, text: `${event.description} (calendar ${event.calendar_id})` })),
    ];
  }

  /** @param {string} field @param {string} value */
  chooseEntity(field, value) {
    const others = this.entities.filter((entity) => entity.field !== field);
    const order = entityFields(/** @type {Detector} */ (this.detector));
    const entities = [...others, { field, value }].sort((a, b) => order.indexOf(a.field) - order.indexOf(b.field));
    this.app.go({ entities, open: '', ...(this.state.job.length === 0 && this.job && { job: [this.job.job_id] }) });
  }

  /** @param {Range} range */
  zoomTo = (range) => this.app.go({ zoom: range, ...(this.state.job.length === 0 && this.job && { job: [this.job.job_id] }) });

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
    return metricPage(this);
  }
}

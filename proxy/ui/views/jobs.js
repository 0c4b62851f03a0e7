// The list of jobs: what it asks for and does. How it looks is jobs-parts.js's and jobs-details.js's matter.

import { ApiError, send } from '../api.js';
import { overallLanes } from '../model.js';
import { Panel } from '../panel.js';
import { datafeedStatsRequest, get, messagesRequest, overallRequest, troublesRequest } from '../queries.js';
import { largestSpan } from '../selection.js';
import { DAY, HOUR, alignRange } from '../time.js';
import { JobDialogs } from './jobs-dialogs.js';
import { jobsPage } from './jobs-parts.js';

/** @import {App} from '../app.js' */
/** @import {ApiRequest, Datafeed, DatafeedStats, Job, JobStats} from '../types.d.ts' */
/**
 * @typedef {object} Row
 * @property {Job} job @property {JobStats | undefined} stats
 * @property {Datafeed | undefined} feed @property {string} feedState started, stopped … or empty without a datafeed
 * @property {DatafeedStats | undefined} feedStats @property {number} troubles warnings and errors of the last day
 * @property {number} recent the highest score of the last day @property {number} worst the highest of all
 */

const CHANGING = ['opening', 'closing', 'starting', 'stopping'];

export class JobsView {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    const changed = () => app.changed();
    /** @type {Panel<Map<string, DatafeedStats>>} by datafeed */ this.feedStats = new Panel(changed);
    /** @type {Panel<Map<string, number>>} highest score of the last day by job */ this.recent = new Panel(changed);
    /** @type {Panel<Map<string, number>>} warnings and errors of the last day by job */ this.troubles = new Panel(changed);
    /** @type {Panel<any[]>} of the open job */ this.messages = new Panel(changed);
    /** @type {Panel<any>} of the open job's datafeed */ this.preview = new Panel(changed);
    this.dialogs = new JobDialogs(this);
    /** @type {Set<string>} */ this.marked = new Set();
    /** @type {string[]} */ this.problems = [];
    this.doing = '';
  }

  get panels() { return [this.feedStats, this.recent, this.troubles, this.messages, this.preview]; }

  title() { return 'Jobs'; }

  /** @returns {number} often while states change, now and then while data is read */
  refreshSeconds() {
    const states = this.rows().flatMap(({ stats, feedState }) => [stats?.state ?? '', feedState]);
    if (states.some((state) => CHANGING.includes(state))) return 2;
    return states.includes('started') ? 5 : Infinity;
  }

  update() {
    const { jobs } = this.app.panels;
    const { round, now, state } = this.app;
    const hasFeeds = (jobs.data ?? []).some((job) => job.datafeed_config);
    this.feedStats.load(hasFeeds ? [datafeedStatsRequest()] : [],
      ([answer]) => new Map(answer.datafeeds.map((/** @type {DatafeedStats} */ feed) => [feed.datafeed_id, feed])), round);
    const ids = (jobs.data ?? []).map((job) => job.job_id);
    const span = Math.max(HOUR, largestSpan(jobs.data ?? []));
    const range = alignRange({ start: now - DAY, end: now }, span);
    this.recent.load(ids.length > 0 ? [{ ...overallRequest(ids, range, span, 1), path: '/_ml/anomaly_detectors/_all/results/overall_buckets' }] : [], ([answer]) => {
      const { jobs: lanes } = overallLanes(answer, ids, range, span);
      return new Map(ids.map((id, lane) => [id, lanes.totals?.[lane].max ?? 0]));
    }, round);
    this.troubles.load(ids.length > 0 ? [troublesRequest(now - DAY)] : [], ([answer]) =>
      new Map((answer.aggregations?.jobs.buckets ?? []).map((/** @type {any} */ job) => [job.key, job.doc_count])), round);
    const open = ids.includes(state.open) ? state.open : '';
    this.messages.load(open && state.tab === 'messages' ? [messagesRequest(open)] : [],
      ([answer]) => (answer.hits?.hits ?? []).map((/** @type {any} */ hit) => hit._source), round);
    const feed = jobs.data?.find((job) => job.job_id === open)?.datafeed_config?.datafeed_id;
    this.preview.load(feed && state.tab === 'preview' ? [get(`/_ml/datafeeds/${encodeURIComponent(feed)}/_preview`)] : [], ([answer]) => answer, round);
    if (state.open === '*new' && !this.dialogs.isOpen) {
      state.open = '';
      this.dialogs.create();
    }
  }

  /** @returns {Row[]} all of them */
  rows() {
    const { jobs, stats, extents } = this.app.panels;
    return (jobs.data ?? []).map((job) => {
      const feed = job.datafeed_config;
      return {
        job, stats: stats.data?.get(job.job_id), feed,
        feedStats: feed && this.feedStats.data?.get(feed.datafeed_id),
        feedState: feed ? this.feedStats.data?.get(feed.datafeed_id)?.state ?? 'stopped' : '',
        troubles: this.troubles.data?.get(job.job_id) ?? 0,
        recent: this.recent.data?.get(job.job_id) ?? 0, worst: extents.data?.get(job.job_id)?.worst ?? 0,
      };
    });
  }

  /** @returns {Row[]} those that pass the filters */
  shownRows() {
    const { q, state, feed, group } = this.app.state;
    const words = q.toLowerCase().split(/\s+/).filter((word) => word !== '');
    return this.rows().filter(({ job, stats, feedState }) => {
      const text = `${job.job_id} ${job.description ?? ''} ${(job.groups ?? []).join(' ')}`.toLowerCase();
      return words.every((word) => text.includes(word))
        && (state.length === 0 || state.includes(stats?.state ?? ''))
        && (feed.length === 0 || feed.includes(feedState))
        && (group.length === 0 || (job.groups ?? []).some((each) => group.includes(each)));
    });
  }

  /** @returns {Row[]} */
  markedRows() {
    return this.rows().filter(({ job }) => this.marked.has(job.job_id));
  }

  /** @param {string} id @param {boolean} on */
  mark(id, on) {
    if (on) this.marked.add(id);
    else this.marked.delete(id);
    this.app.changed();
  }

  /** @param {Row[]} rows */
  open(rows) { return this.act('opening', rows.map(({ job }) => jobRequest('POST', job, '/_open'))); }

  /** @param {Row[]} rows */
  close(rows) { return this.act('closing', rows.map(({ job }) => jobRequest('POST', job, '/_close'))); }

  /** @param {Row[]} rows */
  stopFeeds(rows) {
    return this.act('stopping', rows.flatMap(({ feed }) => (feed ? [feedRequest(feed.datafeed_id, '/_stop')] : [])));
  }

  /** @param {Row[]} rows */
  reset(rows) {
    if (!confirm(`Reset ${names(rows)}? All results and the model are deleted; the configuration stays.`)) return undefined;
    return this.act('resetting', rows.map(({ job }) => jobRequest('POST', job, '/_reset')));
  }

  /** @param {Row[]} rows */
  remove(rows) {
    const managed = rows.some(({ job }) => job.custom_settings?.managed) ? ' Some are managed by another program.' : '';
    if (!confirm(`Delete ${names(rows)} with all results?${managed} This cannot be undone.`)) return undefined;
    this.marked.clear();
    return this.act('deleting', rows.map(({ job }) => ({ ...jobRequest('DELETE', job, ''), path: `/_ml/anomaly_detectors/${encodeURIComponent(job.job_id)}?force=true` })));
  }

  /**
   * Sends requests one after the other; failures are told, and do not keep the others from being sent.
   * @param {string} doing @param {ApiRequest[]} requests
   */
  async act(doing, requests) {
    Object.assign(this, { doing, problems: [] });
    this.app.changed();
    for (const request of requests) {
      try {
        await send(request);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.problems.push(`${request.method} ${request.path}: ${error.type}: ${error.reason}`);
      }
    }
    this.doing = '';
    this.app.refresh();
  }

  render() {
    return jobsPage(this);
  }
}

/** @param {'POST' | 'DELETE'} method @param {Job} job @param {string} action @returns {ApiRequest} */
function jobRequest(method, job, action) {
  return { method, path: `/_ml/anomaly_detectors/${encodeURIComponent(job.job_id)}${action}` };
}

/** @param {string} feed @param {string} action @param {unknown} [body] @returns {ApiRequest} */
export function feedRequest(feed, action, body) {
  return { method: 'POST', path: `/_ml/datafeeds/${encodeURIComponent(feed)}${action}`, ...(body !== undefined && { body }) };
}

/** @param {Row[]} rows @returns {string} */
function names(rows) {
  return rows.length === 1 ? `the job ${rows[0].job.job_id}` : `${rows.length} jobs (${rows.map(({ job }) => job.job_id).join(', ')})`;
}

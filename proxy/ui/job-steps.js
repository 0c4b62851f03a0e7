// The requests that carry an import out, in their order, as `lanewatch import` sends them (proxy/transfer/steps.py). Pure.

import { isBlocked } from './job-plan.js';

/** @import {ApiRequest} from './types.d.ts' */
/** @import {Plan, Planned, PlannedJob} from './job-plan.js' */
/** @typedef {{does: string, request: ApiRequest, needs: string | null}} Step `does` names it once; it is not sent where the one that it needs has failed */

/** @param {string} does @param {ApiRequest['method']} method @param {string} path @param {unknown} [body] @param {string | null} [needs] @returns {Step} */
function step(does, method, path, body, needs = null) {
  return { does, request: { method, path, ...(body !== undefined && { body }) }, needs };
}

/** Filters first, as jobs need them, then jobs, datafeeds and calendars; nothing that is blocked or exists. @param {Plan} plan @returns {Step[]} */
export function stepsOf(plan) {
  const newFilters = plan.filters.filter(({ exists }) => !exists);
  const jobs = plan.jobs.filter((planned) => !isBlocked(planned));
  const needed = (/** @type {PlannedJob} */ { filters }) => {
    const name = filters.find((each) => newFilters.some((filter) => filter.name === each));
    return name === undefined ? null : `filter [${name}]`;
  };
  return [
    ...newFilters.map(({ name, body }) => step(`filter [${name}]`, 'PUT', `/_ml/filters/${encodeURIComponent(name)}`, body)),
    ...jobs.map((each) => step(`job [${each.job_id}]`, 'PUT', `/_ml/anomaly_detectors/${encodeURIComponent(each.job_id)}`, each.job, needed(each))),
    ...jobs.flatMap((each) => {
      if (!each.datafeed || isBlocked(each, 'datafeed')) return [];
      const { datafeed_id: name, ...body } = each.datafeed;
      return [step(`datafeed [${name}]`, 'PUT', `/_ml/datafeeds/${encodeURIComponent(name)}`, body, `job [${each.job_id}]`)];
    }),
    ...calendarSteps(plan, jobs),
  ];
}

/** New calendars with their events; jobs into those that exist. @param {Plan} plan @param {PlannedJob[]} jobs that are made @returns {Step[]} */
function calendarSteps(plan, jobs) {
  const made = jobs.map((job) => job.job_id);
  /** @type {Map<string, string[]>} */
  const wanted = new Map(plan.jobs.flatMap((job) => job.calendars).map((name) => [name, jobs.filter((job) => job.calendars.includes(name)).map((job) => job.job_id)]));
  const steps = plan.calendars.flatMap((each) => {
    const ids = [...new Set([...each.body.job_ids, ...(wanted.get(each.name) ?? [])])];
    wanted.delete(each.name);
    if (!each.exists) return newCalendar(each, ids);
    // Groups and jobs of others are the business of whoever made the calendar that is there.
    wanted.set(each.name, ids.filter((id) => made.includes(id)));
    return [];
  });
  for (const [name, ids] of wanted) {
    if (ids.length > 0) steps.push(step(`jobs of calendar [${name}]`, 'PUT', `/_ml/calendars/${encodeURIComponent(name)}/jobs/${ids.map(encodeURIComponent).join(',')}`));
  }
  return steps;
}

/** @param {Planned} calendar @param {string[]} ids @returns {Step[]} */
function newCalendar({ name, body: { events, ...body } }, ids) {
  const path = `/_ml/calendars/${encodeURIComponent(name)}`;
  const made = step(`calendar [${name}]`, 'PUT', path, { ...body, job_ids: ids });
  return events.length === 0 ? [made] : [made, step(`events of calendar [${name}]`, 'POST', `${path}/events`, { events }, made.does)];
}

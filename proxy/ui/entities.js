// Which entity a record or a series is about: partition, by and over fields and their values. Pure.

/** @import {AnomalyRecord, Detector, Filter, Influence, Job, SeriesKey} from './types.d.ts' */

const SIDES = /** @type {const} */ (['partition', 'by', 'over']);

/** @param {Detector} detector @returns {string[]} the fields that split it, partition first */
export function entityFields(detector) {
  return SIDES.map((side) => detector[`${side}_field_name`]).filter((name) => name !== undefined);
}

/** @param {Record<string, any>} document a record or a model plot @returns {Filter[]} */
export function entitiesOf(document) {
  return SIDES.filter((side) => document[`${side}_field_name`] !== undefined && document[`${side}_field_value`] !== undefined)
    .map((side) => ({ field: document[`${side}_field_name`], value: String(document[`${side}_field_value`]) }));
}

/**
 * The one entity that a record is found for: by if it has a value, else over, else partition.
 * @param {AnomalyRecord} record
 * @returns {Filter | null}
 */
export function foundFor(record) {
  for (const side of /** @type {const} */ (['by', 'over', 'partition'])) {
    const [field, value] = [record[`${side}_field_name`], record[`${side}_field_value`]];
    if (field !== undefined && value !== undefined) return { field, value: String(value) };
  }
  return null;
}

/**
 * @param {Detector} detector
 * @param {'partition' | 'by' | 'over'} side
 * @returns {string | undefined}
 */
export function fieldOf(detector, side) {
  return detector[`${side}_field_name`];
}

/**
 * Which side of a detector a field is.
 * @param {Detector} detector
 * @param {string} field
 * @returns {'partition' | 'by' | 'over' | null}
 */
export function sideOf(detector, field) {
  return SIDES.find((side) => detector[`${side}_field_name`] === field) ?? null;
}

/** @param {AnomalyRecord} record @returns {SeriesKey} */
export function seriesOf(record) {
  return { job: record.job_id, detector: record.detector_index, entities: entitiesOf(record) };
}

/** @param {SeriesKey} key @returns {string} the same text for the same series */
export function seriesText(key) {
  return JSON.stringify([key.job, key.detector, key.entities.map(({ field, value }) => [field, value])]);
}

/** @param {AnomalyRecord} record @returns {string} what tells it from all others */
export function recordKey(record) {
  return JSON.stringify([record.job_id, record.timestamp, record.detector_index, entitiesOf(record).map((e) => e.value)]);
}

/** @param {Detector | undefined} detector @returns {string} its description, or one made of its parts */
export function detectorText(detector) {
  if (!detector) return 'unknown detector';
  if (detector.detector_description) return detector.detector_description;
  const split = entityFields(detector).join(', ');
  return `${detector.function}${detector.field_name ? `(${detector.field_name})` : ''}${split ? ` by ${split}` : ''}`;
}

/**
 * The function and its field alone, where the description only says what the API makes of the detector's parts:
 * beside an entity the names of its fields would be told twice.
 * @param {Detector | undefined} detector
 * @returns {string}
 */
export function detectorShort(detector) {
  const text = detectorText(detector);
  if (!detector) return text;
  const named = `${detector.function}${detector.field_name ? `(${detector.field_name})` : ''}`;
  return /^( by | over | partitionfield=)/.test(text.replace(named, '')) && text.startsWith(named) ? named : text;
}

/** @param {Detector | undefined} detector @param {Filter[]} entities @returns {string} `mean(took) · host web-1` */
export function seriesTitle(detector, entities) {
  return [detectorShort(detector), ...entities.map(({ field, value }) => `${field} ${value || '(empty)'}`)].join(' · ');
}

/** @param {AnomalyRecord} record @returns {Filter[]} every influencer value, one by one */
export function influencersOf(record) {
  return (record.influencers ?? []).flatMap((/** @type {Influence} */ influence) =>
    influence.influencer_field_values.map((value) => ({ field: influence.influencer_field_name, value })));
}

/** @param {Job[]} jobs @returns {string[]} the influencer fields of the jobs, each once */
export function influencerFields(jobs) {
  return [...new Set(jobs.flatMap((job) => job.analysis_config.influencers ?? []))];
}

/** The lanes of this name are the jobs themselves; no field can be called so. */
export const BY_JOB = '*job';

/**
 * What the lanes show where nobody has chosen: jobs if there are several, else what splits the first detector.
 * @param {Job[]} jobs
 * @returns {string}
 */
export function defaultViewBy(jobs) {
  const influencers = influencerFields(jobs);
  if (jobs.length !== 1 || influencers.length === 0) return BY_JOB;
  const detector = jobs[0].analysis_config.detectors[0];
  if (!detector) return influencers[0];
  const { partition_field_name: partition, over_field_name: over, by_field_name: by } = detector;
  const wanted = [partition, over, over === undefined ? by : undefined];
  return wanted.find((field) => field !== undefined && influencers.includes(field)) ?? influencers[0];
}

/** @param {Filter} a @param {Filter} b */
export function sameFilter(a, b) {
  return a.field === b.field && a.value === b.value;
}

// Why an anomaly scored as it did, in plain words and with the numbers of Kibana's panel. Pure.

import { numberText, probabilityText, scoreText, valuesText } from './format.js';
import { SECOND, spanText } from './time.js';

/** @import {AnomalyRecord, Explanation} from './types.d.ts' */
/**
 * @typedef {{term: string, text: string, boxes?: number, hint?: string}} Line
 * A fact; `boxes` of five are filled where it is an impact.
 */

/** Impacts below these fill one, two, three, four boxes; the rest five. */
export const IMPACT_CUTS = [2, 4, 7, 12];
const IMPACT_WORDS = ['moderate', 'moderate', 'medium', 'high', 'high'];
/** A difference between the two scores that is worth a line. */
const REDUCTION_SHOWN_ABOVE = 10;

/** @param {number} impact @returns {number} 1 to 5 */
export function impactBoxes(impact) {
  return IMPACT_CUTS.filter((cut) => impact >= cut).length + 1;
}

/**
 * Whether the buckets before contributed more than the bucket itself: such anomalies are drawn as a cross.
 * @param {AnomalyRecord} record
 * @returns {boolean}
 */
export function isMultiBucket(record) {
  const { single_bucket_impact: single, multi_bucket_impact: multi } = record.anomaly_score_explanation ?? {};
  if (single === undefined && multi === undefined) return (record.multi_bucket_impact ?? -5) >= 2;
  if (!multi) return false;
  if (!single) return true;
  return multi > single && (1.7 * multi * (multi - single)) / single >= 2;
}

/** @param {AnomalyRecord} record @returns {Line[]} the explanation, most telling first */
export function explanationLines(record) {
  const explanation = record.anomaly_score_explanation ?? {};
  return [
    ...typeLines(record, explanation),
    ...impactLines(explanation),
    ...reductionLines(record),
    ...flagLines(explanation),
    ...rarityLines(record, explanation),
  ];
}

/** @param {AnomalyRecord} record @param {Explanation} explanation @returns {Line[]} */
function typeLines(record, explanation) {
  const { anomaly_type: type, anomaly_length: length } = explanation;
  if (!type || length === undefined) return [];
  const word = type === 'dip' ? 'Dip' : 'Spike';
  const lasted = length > 1 ? ` (${spanText(length * record.bucket_span * SECOND)})` : '';
  return [{ term: 'Type', text: `${word} over ${length} ${length === 1 ? 'bucket' : 'buckets'}${lasted}` }];
}

/** @param {Explanation} explanation @returns {Line[]} */
function impactLines(explanation) {
  const impacts = /** @type {[string, number | undefined, string][]} */ ([
    ['Anomaly characteristics impact', explanation.anomaly_characteristics_impact,
      'length and size of the whole episode, against earlier ones'],
    ['Single-bucket impact', explanation.single_bucket_impact, 'the value of this bucket, against what was learnt'],
    ['Multi-bucket impact', explanation.multi_bucket_impact, 'this bucket and the eleven before it, taken together'],
  ]);
  return impacts
    .filter(([, impact]) => impact !== undefined)
    .map(([term, impact, hint]) => {
      const boxes = impactBoxes(Number(impact));
      return { term, text: IMPACT_WORDS[boxes - 1], boxes, hint };
    });
}

/** @param {AnomalyRecord} record @returns {Line[]} */
function reductionLines(record) {
  const { initial_record_score: initial, record_score: score } = record;
  if (!(initial - score > REDUCTION_SHOWN_ABOVE)) return [];
  return [{
    term: 'Record score reduction',
    text: `${floored(initial)} → ${floored(score)}`,
    hint: 'bigger anomalies came later, so this one was ranked down',
  }];
}

/** @param {number} score */
function floored(score) {
  return Math.floor(score * 1000) / 1000;
}

/** @param {Explanation} explanation @returns {Line[]} */
function flagLines(explanation) {
  const flags = /** @type {[string, boolean | undefined, string][]} */ ([
    ['High variance interval', explanation.high_variance_penalty,
      'the range of expected values is wide here, so the score was lowered'],
    ['Incomplete bucket', explanation.incomplete_bucket_penalty,
      'fewer samples came than usual, so the score was lowered'],
    ['Multi-modal distribution', explanation.multimodal_distribution,
      'the values gather around several levels, and typical is only one of them'],
  ]);
  return flags
    .filter(([, flag]) => flag !== undefined)
    .map(([term, flag, hint]) => ({ term, text: flag ? 'yes' : 'no', ...(flag && { hint }) }));
}

/** @param {AnomalyRecord} record @param {Explanation} explanation @returns {Line[]} */
function rarityLines(record, explanation) {
  const value = record.by_field_value ?? 'this value';
  /** @type {Line[]} */
  const lines = [];
  if (explanation.by_field_first_occurrence) lines.push({ term: 'First occurrence', text: `${value} was never seen before` });
  const rarity = explanation.by_field_relative_rarity;
  if (rarity !== undefined && !explanation.by_field_first_occurrence) {
    lines.push({ term: 'Relative rarity', text: `${numberText(rarity)}x rarer than a value of average frequency` });
  }
  return lines;
}

/**
 * What the record says of itself, beside the explanation.
 * @param {AnomalyRecord} record
 * @param {boolean} hasModelPlot then the chart shows the bounds
 * @returns {Line[]}
 */
export function detailLines(record, hasModelPlot) {
  const { lower_confidence_bound: lower, upper_confidence_bound: upper } = record.anomaly_score_explanation ?? {};
  const field = record.field_name ? `${record.function}(${record.field_name})` : record.function;
  /** @type {Line[]} */
  const lines = [
    { term: 'Function', text: field },
    { term: 'Actual', text: valuesText(record.actual ?? record.causes?.[0]?.actual) },
    { term: 'Typical', text: valuesText(record.typical ?? record.causes?.[0]?.typical) },
  ];
  if (!hasModelPlot && lower !== undefined && upper !== undefined) {
    lines.push({ term: 'Upper bound', text: numberText(upper) }, { term: 'Lower bound', text: numberText(lower) });
  }
  lines.push(
    { term: 'Record score', text: String(floored(record.record_score)) },
    { term: 'Initial record score', text: String(floored(record.initial_record_score)) },
    { term: 'Probability', text: probabilityText(record.probability) },
    { term: 'Job', text: record.job_id },
  );
  return lines;
}

/**
 * The whole in one sentence, for people who read nothing else.
 * @param {AnomalyRecord} record
 * @returns {string}
 */
export function summarySentence(record) {
  const explanation = record.anomaly_score_explanation ?? {};
  const [actual, typical] = [record.actual ?? record.causes?.[0]?.actual, record.typical ?? record.causes?.[0]?.typical];
  const seen = actual?.length ? `The value was ${valuesText(actual)} where about ${valuesText(typical)} was expected. ` : '';
  const chance = `The model gave what was seen a probability of ${probabilityText(record.probability)}, `
    + `which ranks at ${scoreText(record.record_score)} of 100 among the anomalies of this job.`;
  const history = record.causes && record.causes.length > 1
    ? ` ${record.causes.length} causes together make it unusual.` : '';
  const multi = isMultiBucket(record) && explanation.multi_bucket_impact !== undefined
    ? ' The buckets before it count for more than this bucket alone.' : '';
  return seen + chance + history + multi;
}

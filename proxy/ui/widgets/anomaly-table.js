// The table of anomalies: sorted, grouped, with rows that open to the explanation. Which records, is the view's matter.

import { html, nothing } from '../vendor/lit-html.js';
import { timeText } from '../clock.js';
import { toCsv } from '../csv.js';
import { customLinks } from '../custom-urls.js';
import { detectorText, entitiesOf, foundFor, influencersOf, recordKey, sameFilter, seriesOf, seriesText } from '../entities.js';
import { detailLines, explanationLines, isMultiBucket, summarySentence } from '../explain.js';
import { changeText, counted, scoreText, valuesText } from '../format.js';
import { recordLink } from '../links.js';
import { highestOf } from '../model.js';
import { DAY, HOUR } from '../time.js';
import { copyButton, entity, marker, saveFile, select } from './parts.js';

/** @import {AnomalyRecord, Filter, Job, Range, Zone} from '../types.d.ts' */
/** @import {Line} from '../explain.js' */
/**
 * @typedef {object} TableView
 * @property {AnomalyRecord[]} records highest first
 * @property {Map<string, Job>} jobs
 * @property {Range} range that they are of
 * @property {Zone} zone
 * @property {string} group auto, all, hour or day
 * @property {string} sort a column, with a minus if the greatest come first
 * @property {string} open key of the open row
 * @property {number} shown how many rows at most
 * @property {Filter[]} filters that are on
 * @property {string | null} highlight
 * @property {boolean} showJob
 * @property {(change: {group?: string, sort?: string, open?: string}) => void} change
 * @property {(filter: Filter, on: boolean) => void} toggleFilter
 * @property {(key: string | null) => void} hover
 * @property {() => void} more
 */

/** @type {Record<string, (record: AnomalyRecord) => number | string>} */
const SORTS = {
  time: (record) => record.timestamp,
  score: (record) => record.record_score,
  detector: (record) => record.detector_index,
  found: (record) => foundFor(record)?.value ?? '',
  actual: (record) => actualOf(record)?.[0] ?? 0,
  typical: (record) => typicalOf(record)?.[0] ?? 0,
};

/** @param {AnomalyRecord} record */
const actualOf = (record) => record.actual ?? record.causes?.[0]?.actual;
/** @param {AnomalyRecord} record */
const typicalOf = (record) => record.typical ?? record.causes?.[0]?.typical;

/** @param {TableView} view @returns {AnomalyRecord[]} what is shown, in its order */
export function tableRows({ records, group, sort, range }) {
  const auto = range.end - range.start < 2 * DAY ? HOUR : DAY;
  const intervals = /** @type {Record<string, number>} */ ({ all: 0, hour: HOUR, day: DAY, auto });
  const kept = highestOf(records, intervals[group] ?? 0, (record) => seriesText(seriesOf(record)));
  const value = SORTS[sort.replace('-', '')] ?? SORTS.score;
  const sign = sort.startsWith('-') ? -1 : 1;
  return [...kept].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    return sign * (typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y)));
  });
}

/** @param {TableView} view @returns {string} */
function rowsAsCsv(view) {
  const header = ['time', 'job', 'detector', 'record_score', 'severity_multi_bucket', 'found_for', 'influenced_by', 'actual', 'typical', 'description'];
  return toCsv(header, tableRows(view).map((record) => [
    new Date(record.timestamp).toISOString(), record.job_id, describe(view, record), record.record_score, isMultiBucket(record),
    entitiesOf(record).map(({ field, value }) => `${field}=${value}`).join(' '),
    influencersOf(record).map(({ field, value }) => `${field}=${value}`).join(' '),
    (actualOf(record) ?? []).join(' '), (typicalOf(record) ?? []).join(' '), changeText(actualOf(record), typicalOf(record)),
  ]));
}

/** @param {TableView} view @param {AnomalyRecord} record */
function describe(view, record) {
  return detectorText(view.jobs.get(record.job_id)?.analysis_config.detectors[record.detector_index]);
}

/** @param {TableView} view @param {unknown} more further buttons */
export function tableTools(view, more) {
  return html`<div class="tools">
    ${select({ label: 'Group', value: view.group, options: [['auto', 'automatically'], ['all', 'not at all'], ['hour', 'by hour'], ['day', 'by day']], choose: (group) => view.change({ group }) })}
    <button class="quiet" @click=${() => saveFile('anomalies.csv', rowsAsCsv(view), 'text/csv')}>CSV</button>${more}</div>`;
}

/** @param {TableView} view */
export function anomalyTable(view) {
  const rows = tableRows(view);
  const columns = [['time', 'Time'], ['score', 'Score'], ['detector', 'Detector'], ['found', 'Found for'], ['', 'Influenced by'],
    ['actual', 'Actual'], ['typical', 'Typical'], ['', 'Description'], ['', '']];
  return html`<div class="scroll-x" role="region" aria-label="Anomalies" tabindex="0"><table class="anomalies">
    <thead><tr><th class="narrow"><span class="unseen">Details</span></th>${columns.map(([key, text]) => header(view, key, text))}</tr></thead>
    <tbody>${rows.slice(0, view.shown).map((record) => row(view, record, columns.length + 1))}</tbody>
  </table></div>
  ${rows.length > view.shown ? html`<p class="more"><button @click=${view.more}>Show more (${view.shown} of ${rows.length})</button></p>` : nothing}`;
}

/** @param {TableView} view @param {string} key @param {string} text */
function header(view, key, text) {
  const numeric = ['actual', 'typical'].includes(key) ? 'number' : '';
  if (!text) return html`<th><span class="unseen">Actions</span></th>`;
  if (!key) return html`<th>${text}</th>`;
  const isSorted = view.sort.replace('-', '') === key;
  const down = view.sort.startsWith('-');
  return html`<th class=${numeric} aria-sort=${isSorted ? (down ? 'descending' : 'ascending') : 'none'}>
    <button class="sort" @click=${() => view.change({ sort: isSorted && down ? key : `-${key}` })}>${text}${key === 'score' ? html`<span class="unseen"> of the record</span>` : nothing}<span
      aria-hidden="true">${isSorted ? (down ? ' ▾' : ' ▴') : ''}</span></button></th>`;
}

/** @param {TableView} view @param {AnomalyRecord} record @param {number} width */
function row(view, record, width) {
  const key = recordKey(record);
  const isOpen = view.open === key;
  const found = foundFor(record);
  const toggle = () => view.change({ open: isOpen ? '' : key });
  const isOn = (/** @type {Filter} */ filter) => view.filters.some((on) => sameFilter(on, filter));
  const influencers = influencersOf(record);
  return html`<tr class=${`${isOpen ? 'open' : ''} ${view.highlight === key ? 'pointed' : ''}`} @mouseenter=${() => view.hover(key)} @mouseleave=${() => view.hover(null)}>
    <td class="narrow"><button class="icon" aria-expanded=${isOpen} aria-label=${`Explain the anomaly of ${timeText(record.timestamp, view.zone)}`} @click=${toggle}>${isOpen ? '▾' : '▸'}</button></td>
    <td class="time">${timeText(record.timestamp, view.zone)}${record.is_interim ? html` <span class="tag">interim</span>` : nothing}</td>
    <td class="score-cell">${marker(record.record_score, isMultiBucket(record))} ${scoreText(record.record_score)}</td>
    <td>${describe(view, record)}${view.showJob ? html`<div class="dim">${record.job_id}</div>` : nothing}</td>
    <td>${found ? entity(found, isOn(found), view.toggleFilter) : '–'}</td>
    <td class="influenced">${influencers.slice(0, 4).map((filter) => html`<div>${entity(filter, isOn(filter), view.toggleFilter)}</div>`)}${influencers.length > 4 ? html`<div class="dim">and ${influencers.length - 4} more</div>` : nothing}</td>
    <td class="number">${valuesText(actualOf(record))}</td><td class="number">${valuesText(typicalOf(record))}</td>
    <td>${changeText(actualOf(record), typicalOf(record))}</td>
    <td><a href=${recordLink(record, view.zone)}>Series</a></td>
  </tr>${isOpen ? html`<tr class="details"><td colspan=${width}>${details(view, record)}</td></tr>` : nothing}`;
}

/** @param {TableView} view @param {AnomalyRecord} record */
function details(view, record) {
  const job = view.jobs.get(record.job_id);
  const explanation = explanationLines(record);
  const links = job ? customLinks(job, record) : [];
  const influencers = influencersOf(record);
  return html`<div class="detail-grid">
    <section><h3>Why this score</h3><p>${summarySentence(record)}</p>
      ${explanation.length > 0 ? lines(explanation) : html`<p class="dim">The result carries no further explanation.</p>`}</section>
    <section><h3>Details</h3>${lines([...entitiesOf(record).map(({ field, value }) => ({ term: field, text: value || '(empty)' })),
      ...detailLines(record, job?.model_plot_config?.enabled === true)])}</section>
    ${record.causes && record.causes.length > 0 ? causes(record.causes) : nothing}
    ${influencers.length > 4 ? html`<section><h3>Influenced by</h3><p>${influencers.map(({ field, value }) => `${field} = ${value}`).join(', ')}</p></section>` : nothing}
    <section class="actions"><h3>Go on</h3><p><a href=${recordLink(record, view.zone)}>View the series around it</a></p>
      ${links.map((link) => html`<p>${link.href === null ? html`<span class="dim" title=${link.reason ?? ''}>${link.name} (${link.reason})</span>`
        : html`<a href=${link.href} target="_blank" rel="noopener noreferrer">${link.name}</a>`}</p>`)}
      ${copyButton('Copy the record', () => JSON.stringify(record, null, 2))}</section></div>`;
}

/** @param {AnomalyRecord[]} list */
function causes(list) {
  return html`<section><h3>${counted(list.length, 'cause')}</h3>
    <ul>${list.slice(0, 10).map((cause) => html`<li>${entitiesOf(cause).map(({ field, value }) => `${field} = ${value}`).join(', ') || cause.function}:
      ${valuesText(cause.actual)} instead of ${valuesText(cause.typical)}</li>`)}</ul></section>`;
}

/** @param {Line[]} list */
function lines(list) {
  return html`<dl>${list.map(({ term, text, boxes, hint }) => html`<div><dt>${term}</dt><dd>${boxes === undefined ? nothing
    : html`<span class="boxes" aria-hidden="true">${[1, 2, 3, 4, 5].map((box) => html`<span class=${box <= boxes ? 'on' : ''}></span>`)}</span>`}${text}${hint
      ? html`<span class="hint">${hint}</span>` : nothing}</dd></div>`)}</dl>`;
}

// The table of anomalies: sorted, grouped, with rows that open to the explanation. Which records, is the view's matter.

import { html, nothing } from '../vendor/lit-html.js';
import { rangeText, timeText } from '../clock.js';
import { toCsv } from '../csv.js';
import { customLinks } from '../custom-urls.js';
import { detectorShort, detectorText, entitiesOf, foundFor, influencersOf, recordKey, sameFilter, seriesOf, seriesText } from '../entities.js';
import { detailLines, explanationLines, isMultiBucket, summarySentence } from '../explain.js';
import { changeText, counted, scoreText, valuesText } from '../format.js';
import { recordLink } from '../links.js';
import { highestOf } from '../model.js';
import { DAY, HOUR, SECOND } from '../time.js';
import { copyButton, entity, marker, menu, saveFile, select } from './parts.js';

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
 * @property {boolean} isOneSeries all rows have the same detector and entity
 * @property {(change: {group?: string, sort?: string, open?: string}) => void} change
 * @property {(filter: Filter, on: boolean) => void} toggleFilter
 * @property {(record: AnomalyRecord) => string} ruleOf address of the form of a rule for its like
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
function detectorOf(view, record) {
  return view.jobs.get(record.job_id)?.analysis_config.detectors[record.detector_index];
}

/** @param {TableView} view @param {AnomalyRecord} record */
function describe(view, record) {
  return detectorText(detectorOf(view, record));
}

/** @param {TableView} view @param {unknown} more further buttons */
export function tableTools(view, more) {
  return html`<div class="tools">
    ${select({ label: 'Group', value: view.group, options: [['auto', 'automatically'], ['all', 'not at all'], ['hour', 'by hour'], ['day', 'by day']], choose: (group) => view.change({ group }) })}
    <button class="quiet" @click=${() => saveFile('anomalies.csv', rowsAsCsv(view), 'text/csv')}>CSV</button>${more}</div>`;
}

/**
 * @typedef {object} Column
 * @property {string} name for people; empty for the one with the links
 * @property {string} [sort] key of SORTS
 * @property {string} [className]
 * @property {(view: TableView, rows: AnomalyRecord[]) => boolean} [isNeeded] always, if left out
 * @property {(view: TableView, record: AnomalyRecord) => unknown} cell
 */

/** @type {Column[]} */
const COLUMNS = [
  { name: 'Time', sort: 'time', className: 'time', cell: (view, record) => html`${bucketTime(view, record)}${record.is_interim ? html` <span class="tag">interim</span>` : nothing}` },
  { name: 'Score', sort: 'score', className: 'score-cell', cell: (_, record) => html`${marker(record.record_score, isMultiBucket(record))} ${scoreText(record.record_score)}` },
  { name: 'Detector', sort: 'detector', isNeeded: (view) => !view.isOneSeries, cell: (view, record) => html`<span title=${describe(view, record)}>${detectorShort(detectorOf(view, record))}</span>${view.showJob
    ? html`<div class="dim">${record.job_id}</div>` : nothing}` },
  { name: 'Found for', sort: 'found', isNeeded: (view) => !view.isOneSeries, cell: (view, record) => entities(view, [foundFor(record)].filter((found) => found !== null)) },
  { name: 'Also influenced by', isNeeded: (_, rows) => rows.some((record) => otherInfluencers(record).length > 0), cell: (view, record) => entities(view, otherInfluencers(record)) },
  { name: 'Actual', sort: 'actual', className: 'number', cell: (_, record) => valuesText(actualOf(record)) },
  { name: 'Typical', sort: 'typical', className: 'number', cell: (_, record) => valuesText(typicalOf(record)) },
  { name: 'Description', cell: (_, record) => changeText(actualOf(record), typicalOf(record)) },
  { name: '', className: 'time', cell: (view, record) => html`<a href=${recordLink(record, view.zone)}>Series</a>${rowMenu(view, record)}` },
];
/** Further influencers stand in the details. */
const MOST_INFLUENCERS = 3;

/** @param {TableView} view */
export function anomalyTable(view) {
  const rows = tableRows(view);
  const columns = COLUMNS.filter(({ isNeeded }) => !isNeeded || isNeeded(view, rows));
  return html`<div class="scroll-x" role="region" aria-label="Anomalies" tabindex="0"><table class="anomalies">
    <thead><tr><th class="narrow"><span class="unseen">Details</span></th>${columns.map((column) => header(view, column))}</tr></thead>
    <tbody>${rows.slice(0, view.shown).map((record) => row(view, record, columns))}</tbody>
  </table></div>
  ${rows.length > view.shown ? html`<p class="more"><button @click=${view.more}>Show more (${view.shown} of ${rows.length})</button></p>` : nothing}`;
}

/** @param {TableView} view @param {Column} column */
function header(view, { name, sort, className }) {
  if (!name) return html`<th><span class="unseen">Actions</span></th>`;
  if (!sort) return html`<th class="unsorted">${name}</th>`;
  const isSorted = view.sort.replace('-', '') === sort;
  const down = view.sort.startsWith('-');
  return html`<th class=${className === 'number' ? className : ''} aria-sort=${isSorted ? (down ? 'descending' : 'ascending') : 'none'}>
    <button class="sort" @click=${() => view.change({ sort: isSorted && down ? sort : `-${sort}` })}>${name}${sort === 'score' ? html`<span class="unseen"> of the record</span>` : nothing}<span
      aria-hidden="true">${isSorted ? (down ? ' ▾' : ' ▴') : ''}</span></button></th>`;
}

/** @param {TableView} view @param {AnomalyRecord} record @param {Column[]} columns */
function row(view, record, columns) {
  const key = recordKey(record);
  const isOpen = view.open === key;
  const toggle = () => view.change({ open: isOpen ? '' : key });
  return html`<tr class=${`${isOpen ? 'open' : ''} ${view.highlight === key ? 'pointed' : ''}`} @mouseenter=${() => view.hover(key)} @mouseleave=${() => view.hover(null)} @click=${(/** @type {Event} */ event) => isForRow(event) && toggle()}>
    <td class="narrow"><button class="icon" aria-expanded=${isOpen} aria-label=${`Explain the anomaly of ${timeText(record.timestamp, view.zone)}`} @click=${toggle}>${isOpen ? '▾' : '▸'}</button></td>
    ${columns.map(({ className, cell }) => html`<td class=${className ?? ''}>${cell(view, record)}</td>`)}
  </tr>${isOpen ? html`<tr class="details"><td colspan=${columns.length + 1}>${details(view, record)}</td></tr>` : nothing}`;
}

/** @param {TableView} view @param {AnomalyRecord} record */
function rowMenu(view, record) {
  return menu(html`<span aria-hidden="true">⋯</span><span class="unseen">Actions for the anomaly of ${timeText(record.timestamp, view.zone)}</span>`, html`<div class="options">
    <a class="option" href=${recordLink(record, view.zone)}>View the series around it</a>
    <a class="option" href=${view.ruleOf(record)}>Create a rule from this anomaly</a></div>`, 'row-menu right');
}

/** @param {Event} event @returns {boolean} whether a click means the row: neither what is in it nor a text that was marked */
function isForRow({ target }) {
  return !(/** @type {Element} */ (target)).closest('a, button, details') && String(getSelection()) === '';
}

/** Opens the row of a record that was chosen elsewhere, and brings it into sight. @param {TableView['change']} change @param {string} key */
export function openRow(change, key) {
  change({ open: key });
  setTimeout(() => {
    // Grouping leaves out all but the highest.
    if (!document.querySelector('.anomalies tr.open')) change({ open: key, group: 'all' });
    setTimeout(() => document.querySelector('.anomalies tr.open')?.scrollIntoView({ block: 'center' }));
  });
}

/** @param {TableView} view @param {AnomalyRecord} record @returns {string} the day alone where a bucket is one */
function bucketTime(view, record) {
  const span = record.bucket_span * SECOND;
  return span === DAY ? rangeText({ start: record.timestamp, end: record.timestamp + span }, view.zone) : timeText(record.timestamp, view.zone);
}

/** @param {AnomalyRecord} record @returns {Filter[]} the influencers that it is not found for */
function otherInfluencers(record) {
  const own = entitiesOf(record);
  return influencersOf(record).filter((influencer) => !own.some((entity) => sameFilter(entity, influencer)));
}

/** @param {TableView} view @param {Filter[]} filters */
function entities(view, filters) {
  if (filters.length === 0) return html`<span class="dim">–</span>`;
  const more = filters.length - MOST_INFLUENCERS;
  return html`${filters.slice(0, MOST_INFLUENCERS).map((filter) => html`<div class="of-field"><span class="dim">${filter.field}</span> ${entity(filter, view.filters.some((on) => sameFilter(on, filter)), view.toggleFilter)}</div>`)}${more > 0
    ? html`<div class="dim">and ${more} more</div>` : nothing}`;
}

/** @param {TableView} view @param {AnomalyRecord} record */
function details(view, record) {
  const job = view.jobs.get(record.job_id);
  const explanation = explanationLines(record);
  const links = job ? customLinks(job, record) : [];
  const influencers = otherInfluencers(record);
  return html`<div class="detail-grid">
    <section><h3>Why this score</h3><p>${summarySentence(record)}</p>
      ${explanation.length > 0 ? lines(explanation) : html`<p class="dim">The result carries no further explanation.</p>`}</section>
    <section><h3>Details</h3>${lines([...entitiesOf(record).map(({ field, value }) => ({ term: field, text: value || '(empty)' })),
      ...detailLines(record, job?.model_plot_config?.enabled === true)])}</section>
    ${record.causes && record.causes.length > 0 ? causes(record.causes) : nothing}
    ${influencers.length > MOST_INFLUENCERS ? html`<section><h3>Also influenced by</h3><p>${influencers.map(({ field, value }) => `${field} = ${value}`).join(', ')}</p></section>` : nothing}
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

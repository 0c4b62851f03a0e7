// The address is the state: one table a view says which parameters there are, how they are read and written.
// Bad values fall back to the default and leave a notice.

/** @import {Filter, Range, Zone} from './types.d.ts' */
/**
 * @template T
 * @typedef {{name: string, initial: T, read: (values: string[]) => T | undefined, write: (value: T) => string[]}} Parameter
 */

/** @param {string} name @param {string} [initial] @returns {Parameter<string>} */
const text = (name, initial = '') => ({ name, initial, read: ([value]) => value, write: (value) => [value] });

/** @param {string} name @param {string[]} allowed the first is the default @returns {Parameter<string>} */
const choice = (name, allowed) => ({
  name, initial: allowed[0],
  read: ([value]) => (allowed.includes(value) ? value : undefined),
  write: (value) => [value],
});

/** @param {string} name @param {number} initial @param {number} least @param {number} most @returns {Parameter<number>} */
const whole = (name, initial, least, most) => ({
  name, initial,
  read: ([value]) => (/^\d{1,9}$/.test(value) && +value >= least && +value <= most ? +value : undefined),
  write: (value) => [String(value)],
});

/** @param {string} name @returns {Parameter<string[]>} joined by commas, which ids cannot contain */
const ids = (name) => ({
  name, initial: [],
  read: ([value]) => value.split(',').filter((id) => id !== ''),
  write: (value) => [value.join(',')],
});

/** @param {string} name @returns {Parameter<string[]>} one parameter a text, which may contain anything */
const texts = (name) => ({ name, initial: [], read: (values) => values, write: (value) => value });

/** @param {string} name @returns {Parameter<Range | null>} two epoch milliseconds with `..` between */
const range = (name) => ({
  name, initial: null,
  read: ([value]) => {
    const match = /^(\d{1,16})\.\.(\d{1,16})$/.exec(value);
    return match && +match[1] < +match[2] ? { start: +match[1], end: +match[2] } : undefined;
  },
  write: (value) => (value ? [`${value.start}..${value.end}`] : []),
});

/** @param {string} name @returns {Parameter<Filter[]>} `field:value`; a colon or backslash in the field is escaped */
const filters = (name) => ({
  name, initial: [],
  read: (values) => {
    const read = values.map(readFilter);
    return read.every((filter) => filter !== null) ? /** @type {Filter[]} */ (read) : undefined;
  },
  write: (value) => value.map(({ field, value: wanted }) => `${field.replace(/[\\:]/g, '\\$&')}:${wanted}`),
});

/** @param {string} value @returns {Filter | null} */
function readFilter(value) {
  const match = /^((?:[^\\:]|\\.)+):([^]*)$/.exec(value);
  return match && { field: match[1].replace(/\\(.)/g, '$1'), value: match[2] };
}

const COMMON = [
  text('from'), text('to'), choice('tz', ['utc', 'local']), choice('refresh', ['0', '10', '30', '60']),
];
const TABLE = [choice('group', ['auto', 'all', 'hour', 'day']), text('sort', '-score'), text('open')];

/** @type {Record<string, Parameter<any>[]>} in the order in which they stand in an address */
const VIEWS = {
  jobs: [text('q'), ids('state'), ids('feed'), ids('group'), text('open'), text('tab', 'settings'),
    ...COMMON.slice(2)],
  rules: [text('q'), text('open'), ids('job'), whole('score', 75, 0, 100), choice('type', ['record', 'bucket', 'influencer']),
    choice('group', ['job', 'detector', 'entity', 'influencer']), text('kql'), ...COMMON.slice(2)],
  explorer: [ids('job'), ...COMMON, text('by'), range('t'), texts('lane'), whole('min', 0, 0, 100), filters('f'),
    ...TABLE, whole('rows', 20, 1, 200), whole('page', 1, 1, 1000), choice('order', ['score', 'sum', 'name']),
    whole('top', 1, 1, 1000), texts('pin'), choice('mode', ['colour', 'bars']), choice('alerts', ['summary', 'details']),
    whole('alert_page', 1, 1, 400)],
  metric: [ids('job'), ...COMMON, whole('det', 0, 0, 9999), range('zoom'), choice('fn', ['mean', 'min', 'max']),
    text('forecast'), ids('hide'), whole('min', 0, 0, 100), ...TABLE],
};

/**
 * @typedef {object} State
 * @property {string} view jobs, rules, explorer or metric
 * @property {string[]} job @property {string} from @property {string} to
 * @property {Zone} tz @property {string} refresh seconds, 0 for never
 * @property {string} by @property {Range | null} t @property {string[]} lane @property {number} min @property {Filter[]} f
 * @property {any} group @property {string} sort @property {string} open @property {number} rows @property {number} page
 * @property {string} order @property {number} top @property {string[]} pin @property {string} mode
 * @property {string} alerts what the panel of alerts shows @property {number} alert_page
 * @property {number} det @property {Filter[]} entities @property {Range | null} zoom @property {string} fn
 * @property {string} forecast @property {string[]} hide
 * @property {number} score @property {string} type @property {string} kql what a new rule begins with
 * @property {string} q @property {string[]} state @property {string[]} feed @property {string} tab
 */

/**
 * @param {string} view
 * @param {string} search of an address, with or without its question mark
 * @returns {{state: State, notices: string[]}}
 */
export function readState(view, search) {
  const known = VIEWS[view] ? view : 'jobs';
  const given = new URLSearchParams(search);
  /** @type {Record<string, any>} */
  const state = { view: known, entities: [] };
  const notices = [];
  for (const parameter of VIEWS[known]) {
    const values = given.getAll(parameter.name);
    const value = values.length > 0 ? parameter.read(values) : parameter.initial;
    if (value === undefined) notices.push(`The address asks for ${parameter.name}=${values[0]}, which cannot be shown.`);
    state[parameter.name] = value ?? parameter.initial;
  }
  if (known === 'metric') state.entities = readEntities(given);
  return { state: /** @type {State} */ (state), notices };
}

/** @param {URLSearchParams} given @returns {Filter[]} the parameters `e.<field>` */
function readEntities(given) {
  return [...given].filter(([name]) => name.startsWith('e.') && name.length > 2)
    .map(([name, value]) => ({ field: name.slice(2), value }));
}

/**
 * @param {Partial<State> & {view: string}} state what is left out has its default
 * @returns {string} view and search, relative to the page's root; the same for the same state
 */
export function writeState(state) {
  const written = new URLSearchParams();
  const values = /** @type {Record<string, any>} */ (state);
  for (const parameter of VIEWS[state.view]) {
    const value = values[parameter.name];
    if (value === undefined) continue;
    const texts = parameter.write(value);
    if (JSON.stringify(texts) === JSON.stringify(parameter.write(parameter.initial))) continue;
    for (const each of texts) written.append(parameter.name, each);
    if (parameter.name === 'job') for (const { field, value: wanted } of state.entities ?? []) written.append(`e.${field}`, wanted);
  }
  // Readable addresses: what a query may hold unescaped stays as it is.
  const search = written.toString().replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%2F', '/');
  return search ? `${state.view}?${search}` : state.view;
}

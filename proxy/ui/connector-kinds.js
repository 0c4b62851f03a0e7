// Kinds of connectors as people fill them in: what each asks for, what the API takes of that, and what a trial sends. Pure.

/**
 * @typedef {object} ConnectorField
 * @property {string} name in the API @property {string} words for people @property {'config' | 'secrets'} part
 * @property {'text' | 'password' | 'number' | 'flag' | 'lines'} kind `lines` is a list with one value a line
 * @property {boolean} [required] @property {string} [hint] an example
 */
/**
 * @typedef {object} ConnectorKind
 * @property {string} id @property {string} words @property {ConnectorField[]} fields
 * @property {(values: Record<string, string | boolean>) => object} trial parameters of a message that says that it is one
 */
/** @typedef {{name: string, kind: ConnectorKind, values: Record<string, string | boolean>}} ConnectorForm */

const TRIAL = 'A trial of a connector of Lanewatch; nothing has happened.';
/** @type {ConnectorField[]} */
const USER = [
  { name: 'user', words: 'User', part: 'secrets', kind: 'text' },
  { name: 'password', words: 'Password', part: 'secrets', kind: 'password' },
];

/** @type {ConnectorKind[]} */
export const KINDS = [
  {
    id: '.webhook', words: 'Webhook', trial: () => ({}),
    fields: [{ name: 'url', words: 'Address', part: 'config', kind: 'text', required: true, hint: 'https://example.org/hook' }, ...USER],
  },
  {
    id: '.alertmanager', words: 'Alertmanager', trial: () => ({}),
    fields: [{ name: 'urls', words: 'Addresses, one a line', part: 'config', kind: 'lines', required: true, hint: 'http://alertmanager:9093' }, ...USER],
  },
  {
    id: '.slack', words: 'Slack', trial: () => ({ message: TRIAL }),
    fields: [{ name: 'webhookUrl', words: 'Address of the webhook', part: 'secrets', kind: 'password', required: true }],
  },
  {
    id: '.email', words: 'E-mail', trial: ({ from }) => ({ to: [from], subject: 'Trial', message: TRIAL }),
    fields: [
      { name: 'host', words: 'Mail server', part: 'config', kind: 'text', required: true, hint: 'smtp.example.org' },
      { name: 'port', words: 'Port', part: 'config', kind: 'number' },
      { name: 'from', words: 'Sender', part: 'config', kind: 'text', required: true, hint: 'lanewatch@example.org' },
      { name: 'secure', words: 'TLS from the beginning', part: 'config', kind: 'flag' },
      ...USER,
    ],
  },
  {
    id: '.pagerduty', words: 'PagerDuty', trial: () => ({ eventAction: 'trigger', summary: TRIAL, severity: 'info' }),
    fields: [{ name: 'routingKey', words: 'Integration key', part: 'secrets', kind: 'password', required: true }],
  },
  {
    id: '.index', words: 'Index', trial: () => ({ documents: [{ message: TRIAL }] }),
    fields: [{ name: 'index', words: 'Name of the index', part: 'config', kind: 'text', required: true, hint: 'alerts-of-ours' }],
  },
  { id: '.server-log', words: 'Log of Lanewatch', trial: () => ({ level: 'info', message: TRIAL }), fields: [] },
];

/** @param {string} type @returns {ConnectorKind | undefined} */
export function kindOf(type) {
  return KINDS.find(({ id }) => id === type);
}

/** @param {ConnectorForm} form @returns {Record<string, any>} body of the request */
export function bodyOf({ name, kind, values }) {
  /** @type {Record<'config' | 'secrets', Record<string, unknown>>} */
  const given = { config: {}, secrets: {} };
  for (const field of kind.fields) {
    const value = read(field, values[field.name]);
    if (value !== undefined) given[field.part][field.name] = value;
  }
  return { name: name.trim(), connector_type_id: kind.id, ...given };
}

/** @param {ConnectorField} field @param {string | boolean | undefined} value @returns {unknown} undefined where nothing was entered */
function read({ kind }, value) {
  if (typeof value !== 'string') return value === true ? true : undefined;
  // A space may belong to a password.
  const text = kind === 'password' ? value : value.trim();
  if (text === '') return undefined;
  if (kind === 'number') return Number(text);
  return kind === 'lines' ? text.split('\n').map((line) => line.trim()).filter((line) => line !== '') : text;
}

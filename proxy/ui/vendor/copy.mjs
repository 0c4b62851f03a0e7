// Copies the two libraries of the page from node_modules to this folder, each with its licence: `npm run vendor`.

import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';

const TO = new URL('.', import.meta.url);
const FROM = new URL('../../../node_modules/', import.meta.url);
const LIBRARIES = [
  { name: 'lit-html', files: [['lit-html.js', 'lit-html.js']], types: ['lit-html', "export * from 'lit-html';\n"] },
  {
    name: 'uplot',
    files: [['dist/uPlot.iife.min.js', 'uplot.js'], ['dist/uPlot.min.css', 'uplot.css']],
    types: ['uplot', "export { default } from 'uplot';\n"],
  },
];

// The small form of uPlot is a script that makes a variable; as a module it only lacks this.
const AS_MODULE = 'export default uPlot;\n';

const versions = {};
for (const { name, files, types } of LIBRARIES) {
  for (const [from, to] of files) copyFileSync(new URL(`${name}/${from}`, FROM), new URL(to, TO));
  copyFileSync(new URL(`${name}/LICENSE`, FROM), new URL(`${name}.LICENSE`, TO));
  writeFileSync(new URL(`${types[0]}.d.ts`, TO), types[1]);
  versions[name] = JSON.parse(readFileSync(new URL(`${name}/package.json`, FROM), 'utf8')).version;
}
appendFileSync(new URL('uplot.js', TO), AS_MODULE);
writeFileSync(new URL('versions.json', TO), `${JSON.stringify(versions, null, 2)}\n`);

// Runs the page's import over cases from standard input, so that a test can compare it with the command's.
import { readFileSync } from 'node:fs';

import { against, planOf } from '../../proxy/ui/job-plan.js';
import { readShapes } from '../../proxy/ui/job-shapes.js';
import { stepsOf } from '../../proxy/ui/job-steps.js';

const facts = JSON.parse(readFileSync(new URL('../../proxy/ui/transfer/facts.json', import.meta.url), 'utf8'));
const cases = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(cases.map(({ text, choices, there }) => {
  try {
    const plan = against(planOf(readShapes(text), choices, facts), there, facts);
    return { plan, steps: stepsOf(plan) };
  } catch {
    return null;
  }
})));

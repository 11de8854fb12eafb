/**
 * `npm run bench`: how fast Cadenza trains, generates and multiplies, beside the peers that are installed.
 *
 *     npm run bench                              a table for people
 *     npm run bench -- --json                    one JSON object on the last line of standard output
 *     npm run bench -- --only lm-h256            one row, or one part: training, generation, gemm
 *     npm run bench -- --python A --python B     PyTorch through these (or $CADENZA_BENCH_PYTHON, separated by the
 *                                                path delimiter; otherwise python3)
 *
 *     npm run bench -- --precision bf16          ours with bf16 operands; the peers stay in float32
 *
 * Ours and the peers' runs alternate, each in a process of its own; figures are medians over `--rounds`. A peer that is not
 * installed is left out, and said so.
 */
import { cpus, totalmem } from 'node:os';
import { delimiter } from 'node:path';
import { parseArgs } from 'node:util';
import { findPyTorch } from '../bench/peers.mjs';
import { gemmRows, generationRows, trainingRows } from '../bench/rows.mjs';
import { gemm, generation, training } from '../bench/sizes.mjs';
import { formatBench } from '../bench/table.mjs';
import { buildAll } from './build.mjs';

const parts = {
  training: { names: training.map(({ name }) => name), measure: trainingRows },
  generation: { names: generation.map(({ name }) => name), measure: generationRows },
  gemm: { names: gemm.map(({ name }) => name), measure: gemmRows },
  speech: { names: [], measure: async () => [] },
  translation: { names: [], measure: async () => [] },
};

const options = readOptions();
// Everything for people goes to standard error under --json.
const say = (/** @type {string} */ line) => console.error(line);

if (!options.noBuild && !(await buildAll(2))) process.exit(1);
const { peers: pythons, missing } = await findPyTorch(options.pythons);
for (const line of missing) say(`left out: ${line}`);

const settings = { ...options, pythons, say };
/** @type {Record<string, any>} */
const result = { machine: machine(), left_out: missing };
for (const [part, { names, measure }] of Object.entries(parts)) {
  const { only } = options;
  const wanted = (/** @type {string} */ name) => !only || only === part || only === name;
  result[part] = names.some(wanted) ? await measure(settings, wanted) : [];
}
console.log(options.json ? JSON.stringify(result) : formatBench(result));

function readOptions() {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      only: { type: 'string' },
      python: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      threads: { type: 'string' },
      backend: { type: 'string' },
      precision: { type: 'string' },
      'no-build': { type: 'boolean', default: false },
    },
  });
  const known = Object.entries(parts).flatMap(([part, { names }]) => [part, ...names]);
  if (values.only && !known.includes(values.only)) {
    fail(`Expected --only to be one of ${known.join(', ')}, got ${values.only}`);
  }
  const named = process.env.CADENZA_BENCH_PYTHON?.split(delimiter).filter(Boolean);
  return {
    json: values.json,
    only: values.only,
    pythons: values.python ?? named ?? ['python3'],
    rounds: positive('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
    threads: values.threads === undefined ? undefined : positive('--threads', values.threads),
    backend: values.backend,
    precision: values.precision,
    noBuild: values['no-build'],
  };
}

/** @param {string} name @param {string} text */
function positive(name, text) {
  const value = Number(text);
  if (!(value > 0) || (name !== '--seconds' && !Number.isInteger(value))) {
    fail(`Expected ${name} to be a positive ${name === '--seconds' ? 'number' : 'integer'}, got ${text}`);
  }
  return value;
}

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(`error: ${message}`);
  process.exit(2);
}

function machine() {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
  };
}

/**
 * `npm run bench`: how fast Cadenza trains, generates and multiplies, beside the peers that are installed.
 *
 *     npm run bench                              tables for people
 *     npm run bench -- --json                    one JSON object on the last line of standard output
 *     npm run bench -- --quick                   fewer and shorter rounds
 *     npm run bench -- --only lm-h256            one row, or one part: training, isa, wasm, generation, speech,
 *                                                translation, gemm
 *     npm run bench -- --python A --python B     PyTorch through these (or $CADENZA_BENCH_PYTHON, separated by the
 *                                                path delimiter; otherwise python3)
 *     npm run bench -- --peers FOLDER            where onnxruntime-node and brain.js are installed (or $CADENZA_BENCH_PEERS)
 *     npm run bench -- --precision bf16          f32, bf16 or int8 alone
 *     npm run bench -- --isa avx2                the instruction set of the rows of that part
 *     npm run bench -- --backend wasm            ours on another backend; --threads N for ours and PyTorch
 *
 * Ours and the peers take turns, each in a process of its own that stays; figures are medians over `--rounds` of `--seconds`. A
 * peer that is not installed is left out, and said so.
 */
import { cpus, loadavg, totalmem } from 'node:os';
import { delimiter } from 'node:path';
import { parseArgs } from 'node:util';
import { findPackages, findPyTorch } from '../bench/peers.mjs';
import { gemmRows, generationRows, trainingRows } from '../bench/rows.mjs';
import { formats, gemm, generation, speech, training, translation } from '../bench/sizes.mjs';
import { speechRows } from '../bench/speechRows.mjs';
import { formatBench } from '../bench/table.mjs';
import { translationRows } from '../bench/translationRows.mjs';
import { buildAll } from './build.mjs';

const namesOf = (/** @type {{ name: string }[]} */ rows) => rows.map(({ name }) => name);
/** @type {Record<string, string[]>} */
const parts = {
  training: namesOf(training),
  isa: [],
  wasm: [],
  generation: namesOf(generation),
  speech: namesOf(speech),
  translation: namesOf(translation),
  gemm: namesOf(gemm),
};

const options = readOptions();
// Everything for people goes to standard error under --json.
const say = (/** @type {string} */ line) => console.error(line);
const load = loadavg()[0];

if (!options.noBuild && !(await buildAll(2))) process.exit(1);
const { peers: pythons, missing } = await findPyTorch(options.pythons);
const { found: packages, missing: absent } = wantsPart('training', 'generation')
  ? findPackages(['onnxruntime-node', 'brain.js'], options.peers)
  : { found: new Map(), missing: [] };
/** @type {Set<string>} */
const leftOut = new Set();
const leave = (/** @type {string} */ line) => {
  if (!leftOut.has(line)) say(`left out: ${line}`);
  leftOut.add(line);
};
for (const line of [...missing, ...absent]) leave(line);
if (wantsPart('training')) leave('tfjs-wasm: it cannot train, single steps only');
if (load > 0.5) say(`the machine is busy (load average ${load.toFixed(2)}): figures mean little`);

const settings = { ...options, pythons, packages, say, leftOut: leave, wanted };
/** @type {Record<string, any>} */
const result = {
  machine: machine(),
  ...(await trainingRows(settings)),
  generation: await generationRows(settings),
  gemm: await gemmRows(settings),
  speech: await speechRows(settings),
  translation: await translationRows(settings),
};
result.left_out = [...leftOut];
console.log(options.json ? JSON.stringify(result) : formatBench(result));

/** @param {string} part @param {string} name */
function wanted(part, name) {
  const { only } = options;
  return !only || only === part || (only === name && parts[part].includes(name));
}

/** @param {...string} some */
function wantsPart(...some) {
  return some.some((part) => !options.only || options.only === part || parts[part].includes(options.only));
}

function readOptions() {
  const { values } = parse();
  const known = Object.entries(parts).flatMap(([part, names]) => [part, ...names]);
  choice('--only', values.only, known);
  choice('--precision', values.precision, formats);
  choice('--isa', values.isa, ['avx512', 'avx2', 'baseline']);
  const named = process.env.CADENZA_BENCH_PYTHON?.split(delimiter).filter(Boolean);
  const { quick } = values;
  return {
    json: values.json,
    quick,
    only: values.only,
    pythons: values.python ?? named ?? ['python3'],
    peers: values.peers ?? process.env.CADENZA_BENCH_PEERS?.split(delimiter).filter(Boolean) ?? [],
    rounds: positive('--rounds', values.rounds ?? (quick ? '3' : '5')),
    seconds: positive('--seconds', values.seconds ?? (quick ? '0.3' : '2')),
    threads: values.threads === undefined ? undefined : positive('--threads', values.threads),
    backend: values.backend,
    precision: values.precision,
    isa: values.isa,
    noBuild: values['no-build'],
  };
}

function parse() {
  try {
    return parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        python: { type: 'string', multiple: true },
        peers: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        threads: { type: 'string' },
        backend: { type: 'string' },
        precision: { type: 'string' },
        isa: { type: 'string', default: 'avx2' },
        'no-build': { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return fail(/** @type {Error} */ (error).message.split('\n')[0]);
  }
}

/** @param {string} name @param {string | undefined} value @param {string[]} known */
function choice(name, value, known) {
  if (value && !known.includes(value)) fail(`Expected ${name} to be one of ${known.join(', ')}, got ${value}`);
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
    load_average: Number(load.toFixed(2)),
  };
}

import { compete } from './contest.mjs';
import { startPyTorch, startScript } from './peers.mjs';
import { formats, gemm, generation, layers, symbols, training, trainingFlopsPerToken } from './sizes.mjs';

/**
 * @typedef {import('./contest.mjs').Contender} Contender
 * @typedef {import('./contest.mjs').Results} Results
 * @typedef {import('./peers.mjs').Options} Options
 * @typedef {{ rounds: number, seconds: number, quick: boolean, threads?: number, backend?: string, precision?: string,
 *   isa: string, pythons: import('./peers.mjs').Python[], packages: Map<string, string>, say: (line: string) => void,
 *   leftOut: (line: string) => void, wanted: (part: string, name: string) => boolean }} Settings
 * @typedef {{ name: string, [figure: string]: any }} Row
 */

/** @param {number} value to four digits */
export function round(value) {
  return Number(value.toPrecision(4));
}

/**
 * The row of one of ours beside the peers that were measured with it.
 *
 * `ratio` is ours over the fastest PyTorch of the same precision, `ratio_f32` over the fastest PyTorch in float32 where the row has
 * another one; null where there is none.
 *
 * @param {Results} results
 * @param {{ ours: string, figure: string, precision: string, pythons: { name: string }[], others?: string[],
 *   extra?: (figures: Record<string, number>) => object }} what
 */
export function rowOf(results, { ours, figure, precision, pythons, others = [], extra = () => ({}) }) {
  const own = results[ours];
  /** @param {string} format */
  const fastest = (format) => {
    const all = pythons.flatMap(({ name }) => results[`${name} ${format}`]?.figures[figure] ?? []);
    return all.length > 0 ? Math.max(...all) : null;
  };
  /** @param {string} name */
  const peer = (name) => {
    const { about, figures } = results[name];
    return { ...about, ...rounded(figures), ...extra(figures) };
  };
  /** @type {Record<string, object>} */
  const peers = {};
  for (const { name } of pythons) {
    if (results[`${name} ${precision}`]) peers[name] = { ...peer(`${name} ${precision}`), precision };
    if (precision !== 'f32' && results[`${name} f32`]) {
      peers[`${name}-f32`] = { ...peer(`${name} f32`), precision: 'f32' };
    }
  }
  for (const name of others) if (results[name]) peers[name] = peer(name);
  /** @param {number | null} best */
  const over = (best) => (best === null ? null : round(own.figures[figure] / best));
  return {
    backend: own.about.backend,
    threads: own.about.threads,
    ...(own.about.isa ? { isa: own.about.isa } : {}),
    ...rounded(own.figures),
    ...extra(own.figures),
    peers,
    ratio: over(fastest(precision)),
    ...(precision === 'f32' ? {} : { ratio_f32: over(fastest('f32')) }),
    reason: own.about.reason,
  };
}

/** @param {Record<string, number>} figures */
function rounded(figures) {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)]));
}

/** @param {Settings} settings @param {string} what @param {string} name @param {Options} options @returns {Contender} */
function ours({ backend, threads }, what, name, options) {
  return { name, start: () => startScript('ours.mjs', what, { backend, threads, ...options }) };
}

/**
 * Every PyTorch in these formats, under the names `pytorch f32` and so on.
 *
 * @param {Settings} settings @param {string} what @param {readonly string[]} precisions @param {Options} options
 * @returns {Contender[]}
 */
function pyTorch({ pythons, threads, quick }, what, precisions, options) {
  return pythons.flatMap(({ name, python }) =>
    precisions.map((precision) => ({
      name: `${name} ${precision}`,
      start: () => startPyTorch(python, what, { ...options, precision, threads, quick }),
    })),
  );
}

/** @param {Settings} settings @param {string} label @param {Contender[]} contenders */
async function run(settings, label, contenders) {
  settings.say(label);
  const { results, missing } = await compete(contenders, settings);
  for (const line of missing) settings.leftOut(line);
  return results;
}

/** Training: the rows in float32 and bf16, of another instruction set, and of WebAssembly. @param {Settings} settings */
export async function trainingRows(settings) {
  /** @type {{ training: Row[], isa: Row[], wasm: Row[] }} */
  const rows = { training: [], isa: [], wasm: [] };
  const { wanted, isa, pythons, backend } = settings;
  const precisions = formats.filter((format) => format !== 'int8' && (settings.precision ?? format) === format);
  for (const { name, hidden, batch, steps } of training) {
    const asked = { training: wanted('training', name), isa: wanted('isa', name), wasm: wanted('wasm', name) };
    asked.isa &&= precisions.includes('f32') && backend === undefined;
    asked.wasm &&= hidden === 128 && backend === undefined;
    if (!asked.training && !asked.isa && !asked.wasm) continue;
    const size = { hidden, batch, steps };
    const peers = asked.training ? [...new Set(['f32', ...precisions])] : asked.isa ? ['f32'] : [];
    const results = await run(settings, `lm-h${hidden}: ${layers} x ${hidden}, batch ${batch} x ${steps}`, [
      ...(asked.training ? precisions : []).map((precision) =>
        ours(settings, 'train', precision, { ...size, precision }),
      ),
      ...(asked.isa ? [ours(settings, 'train', 'isa', { ...size, backend: 'native', isa })] : []),
      ...pyTorch(settings, 'train', peers, size),
      ...(asked.wasm ? [ours(settings, 'train', 'wasm', { ...size, backend: 'wasm' })] : []),
      ...(hidden === 128 && (asked.training || asked.wasm) ? scriptPeers(settings, 'train', size) : []),
    ]);
    const extra = (/** @type {Record<string, number>} */ { tokens_per_second }) => ({
      gflops: round((trainingFlopsPerToken(hidden) * tokens_per_second) / 1e9),
    });
    const shared = { figure: 'tokens_per_second', pythons, extra };
    for (const precision of precisions.filter((each) => results[each])) {
      const others = precision === 'f32' ? ['tfjs-cpu', 'tfjs-node', 'brain.js'] : [];
      rows.training.push({ name, precision, ...rowOf(results, { ...shared, ours: precision, precision, others }) });
    }
    if (results.isa) {
      rows.isa.push({ name, precision: 'f32', ...rowOf(results, { ...shared, ours: 'isa', precision: 'f32' }) });
    }
    if (results.wasm) {
      const row = rowOf(results, { ...shared, ours: 'wasm', precision: 'f32', pythons: [], others: ['tfjs-cpu'] });
      const stock = results['tfjs-cpu']?.figures.tokens_per_second;
      // Here the one to beat is TensorFlow.js, whose own WebAssembly backend cannot train.
      const ratio = stock ? round(results.wasm.figures.tokens_per_second / stock) : null;
      rows.wasm.push({ name, precision: 'f32', ...row, ratio });
    }
  }
  return rows;
}

/**
 * The peers in JavaScript. They are slow, so they have fewer rounds. tfjs-wasm has no training, for want of gradients' kernels.
 *
 * @param {Settings} settings @param {'train' | 'generate'} what @param {{ hidden: number, steps?: number }} size
 * @returns {Contender[]}
 */
function scriptPeers({ packages, rounds, threads }, what, { hidden, steps }) {
  const few = { rounds: Math.min(rounds, 2) };
  const stock = (/** @type {string} */ name, /** @type {string} */ backend) => ({
    ...{ name, ...few, start: () => startScript('tfjsStock.mjs', what, { hidden, steps, backend }) },
  });
  const found = (/** @type {string} */ name, /** @type {string} */ script, /** @type {object} */ options) => {
    const from = packages.get(name);
    const start = () => startScript(script, what, { hidden, steps, threads: undefined, from, ...options });
    return from ? [{ name: name.replace('-node', ''), start, ...(name === 'brain.js' ? few : {}) }] : [];
  };
  const generates = what === 'generate';
  return [
    ...(generates ? found('onnxruntime-node', 'onnxruntime.mjs', { steps: undefined, threads }) : []),
    // At 512 units brain.js needs seconds for what it builds before its first character.
    ...(generates && hidden > 128 && rounds < 5 ? [] : found('brain.js', 'brain.mjs', {})),
    stock('tfjs-cpu', 'cpu'),
    ...(generates ? [stock('tfjs-wasm', 'wasm')] : []),
    stock('tfjs-node', 'tensorflow'),
  ];
}

/** Characters of one text, weights in every format. @param {Settings} settings */
export async function generationRows(settings) {
  /** @type {Row[]} */
  const rows = [];
  const { pythons, precision: only } = settings;
  const wantedFormats = formats.filter((format) => (only ?? format) === format);
  for (const { name, hidden } of generation.filter((row) => settings.wanted('generation', row.name))) {
    const results = await run(settings, `${name}: ${layers} x ${hidden}, batch 1, ${symbols} symbols`, [
      ...wantedFormats.map((weights) => ours(settings, 'generate', weights, { hidden, weights })),
      ...pyTorch(settings, 'generate', [...new Set(['f32', ...wantedFormats])], { hidden }),
      ...scriptPeers(settings, 'generate', { hidden }),
    ]);
    for (const weights of wantedFormats.filter((each) => results[each])) {
      const others = weights === 'f32' ? ['onnxruntime', 'brain.js', 'tfjs-cpu', 'tfjs-wasm', 'tfjs-node'] : [];
      const what = { figure: 'characters_per_second', pythons, others, ours: weights, precision: weights };
      rows.push({ name, weights, way: results[weights].about.way, ...rowOf(results, what) });
    }
  }
  return rows;
}

/** Matrix products, beside what the registers' tile reaches fed from the innermost cache. @param {Settings} settings */
export async function gemmRows(settings) {
  /** @type {Row[]} */
  const rows = [];
  const precisions = formats.filter((format) => format !== 'int8' && (settings.precision ?? format) === format);
  for (const { name, m, k, n } of gemm.filter((row) => settings.wanted('gemm', row.name))) {
    const size = { size: `${m}x${k}x${n}` };
    const results = await run(settings, `${name}: ${m} x ${k} times ${k} x ${n}`, [
      ...precisions.map((precision) => ours(settings, 'gemm', precision, { ...size, precision })),
      ...pyTorch(settings, 'gemm', [...new Set(['f32', ...precisions])], size),
    ]);
    for (const precision of precisions.filter((each) => results[each])) {
      const extra = (/** @type {Record<string, number>} */ { gflops, l1_peak_gflops }) =>
        l1_peak_gflops ? { share_of_l1_peak: round(gflops / l1_peak_gflops) } : {};
      const row = rowOf(results, { figure: 'gflops', pythons: settings.pythons, ours: precision, precision, extra });
      rows.push({ name, precision, m, k, n, ...row });
    }
  }
  return rows;
}

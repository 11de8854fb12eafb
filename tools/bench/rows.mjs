import { ours, precisionsOf, pyTorch, run } from './contenders.mjs';
import { startScript } from './peers.mjs';
import { round, rowOf } from './row.mjs';
import { formats, gemm, generation, layers, symbols, training, trainingFlopsPerToken } from './sizes.mjs';

/**
 * @typedef {import('./contest.mjs').Contender} Contender
 * @typedef {import('./contenders.mjs').Settings} Settings
 * @typedef {{ name: string, [figure: string]: any }} Row
 */

/** Training: the rows in float32 and bf16, of another instruction set, and of WebAssembly. @param {Settings} settings */
export async function trainingRows(settings) {
  /** @type {{ training: Row[], isa: Row[], wasm: Row[] }} */
  const rows = { training: [], isa: [], wasm: [] };
  const { wanted, isa, pythons, backend } = settings;
  const precisions = precisionsOf(settings);
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
      // Here the one to beat is TensorFlow.js, whose own WebAssembly backend cannot train.
      const stock = { pythons: [], others: ['tfjs-cpu'], over: ['tfjs-cpu'] };
      rows.wasm.push({
        name,
        precision: 'f32',
        ...rowOf(results, { ...shared, ours: 'wasm', precision: 'f32', ...stock }),
      });
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
  const precisions = precisionsOf(settings);
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

import { measureOurs, measurePyTorch, measureTfjs } from './peers.mjs';
import { generation, gemm, layers, symbols, training, trainingFlopsPerToken } from './sizes.mjs';
import { median } from './statistics.mjs';

/**
 * @typedef {{ rounds: number, seconds: number, threads?: number, backend?: string, precision?: string,
 *   pythons: { name: string, python: string, version: string }[], say: (line: string) => void }} Settings
 * @typedef {Record<string, { version: string, [figure: string]: unknown }>} Peers
 * @typedef {{ name: string, [figure: string]: any }} Row
 */

/**
 * Runs ours and the peers in turn, round after round, so that a slow moment of the machine meets all of them.
 *
 * @template {Record<string, () => Promise<number>>} Runs
 * @param {number} rounds
 * @param {Runs} runs
 * @returns {Promise<{ [Name in keyof Runs]: number }>} each one's median
 */
export async function alternate(rounds, runs) {
  /** @type {Record<string, number[]>} */
  const figures = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(runs)) (figures[name] ??= []).push(await run());
  }
  const medians = Object.entries(figures).map(([name, values]) => [name, median(values)]);
  return /** @type {any} */ (Object.fromEntries(medians));
}

/**
 * Measures one row: finds each PyTorch's best settings, then alternates.
 *
 * @param {string} what
 * @param {string} figure the name of what is measured in the answers
 * @param {Record<string, string | number>} size
 * @param {Settings} settings
 */
async function measureRow(what, figure, size, settings) {
  const { rounds, seconds, threads, backend, precision, pythons } = settings;
  /** @type {any} */
  let ours;
  /** @type {Record<string, () => Promise<number>>} */
  const runs = {
    ours: async () => (ours = await measureOurs(what, { ...size, seconds, threads, backend, precision }))[figure],
  };
  /** @type {Peers} */
  const peers = {};
  for (const { name, python, version } of pythons) {
    // With a number of threads given, the peer gets the same; otherwise its own best.
    const calibrated = await measurePyTorch(python, what, { ...size, seconds: Math.min(seconds, 1), threads });
    if (calibrated.unsupported) continue;
    const fixed =
      what === 'gemm' ? { threads: calibrated.settings.threads } : { settings: JSON.stringify(calibrated.settings) };
    peers[name] = { version, settings: calibrated.settings };
    runs[name] = async () => (await measurePyTorch(python, what, { ...size, seconds, ...fixed }))[figure];
  }
  const medians = await alternate(rounds, runs);
  for (const name of Object.keys(peers)) peers[name] = { ...peers[name], [figure]: round(medians[name]) };
  const best = Math.max(...Object.keys(peers).map((name) => medians[name]));
  return {
    value: medians.ours,
    backend: ours.backend,
    threads: ours.threads,
    precision: ours.precision,
    reason: ours.reason,
    peers,
    ratio: Number.isFinite(best) ? round(medians.ours / best) : null,
  };
}

/** @param {number} value to four digits */
export function round(value) {
  return Number(value.toPrecision(4));
}

/** @param {Settings} settings @param {(name: string) => boolean} wanted */
export async function trainingRows(settings, wanted) {
  /** @type {Row[]} */
  const rows = [];
  for (const { name, hidden, batch, steps } of training.filter((row) => wanted(row.name))) {
    settings.say(`${name}: ${layers} x ${hidden}, batch ${batch} x ${steps}`);
    const row = await measureRow('train', 'tokens_per_second', { hidden, batch, steps }, settings);
    const flops = trainingFlopsPerToken(hidden);
    if (hidden === 128) row.peers['tfjs-cpu'] = await tfjsPeer(hidden, steps, settings);
    for (const peer of Object.values(row.peers)) {
      peer.gflops = round((flops * Number(peer.tokens_per_second)) / 1e9);
    }
    rows.push({
      name,
      precision: row.precision,
      backend: row.backend,
      threads: row.threads,
      tokens_per_second: round(row.value),
      gflops: round((flops * row.value) / 1e9),
      peers: row.peers,
      ratio: row.ratio,
      reason: row.reason,
    });
  }
  return rows;
}

/**
 * TensorFlow.js's own layers, at the smallest size only: one step at the larger ones takes minutes.
 *
 * @param {number} hidden @param {number} steps @param {Settings} settings
 */
async function tfjsPeer(hidden, steps, { seconds }) {
  const { version, tokens_per_second, batch } = await measureTfjs({ hidden, steps, batch: 10, seconds });
  return { version, tokens_per_second: round(tokens_per_second), batch };
}

/** @param {Settings} settings @param {(name: string) => boolean} wanted */
export async function generationRows(settings, wanted) {
  /** @type {Row[]} */
  const rows = [];
  for (const { name, hidden } of generation.filter((row) => wanted(row.name))) {
    settings.say(`${name}: ${layers} x ${hidden}, batch 1, ${symbols} symbols`);
    const row = await measureRow('generate', 'characters_per_second', { hidden }, settings);
    rows.push({
      name,
      weights: 'f32',
      backend: row.backend,
      threads: row.threads,
      characters_per_second: round(row.value),
      peers: row.peers,
      ratio: row.ratio,
    });
  }
  return rows;
}

/** @param {Settings} settings @param {(name: string) => boolean} wanted */
export async function gemmRows(settings, wanted) {
  /** @type {Row[]} */
  const rows = [];
  for (const { name, m, k, n } of gemm.filter((row) => wanted(row.name))) {
    settings.say(`${name}: ${m} x ${k} times ${k} x ${n}`);
    const row = await measureRow('gemm', 'gflops', { size: `${m}x${k}x${n}` }, settings);
    rows.push({
      name,
      precision: row.precision,
      backend: row.backend,
      threads: row.threads,
      m,
      k,
      n,
      gflops: round(row.value),
      peers: row.peers,
      ratio: row.ratio,
    });
  }
  return rows;
}

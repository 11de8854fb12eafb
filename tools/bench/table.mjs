/** @typedef {Record<string, any>} Result */

const parts = /** @type {const} */ ([
  ['training', 'training', 'tokens_per_second', 'tokens/s'],
  ['isa', 'training with another instruction set', 'tokens_per_second', 'tokens/s'],
  ['wasm', 'training in WebAssembly; the ratio is to tfjs-cpu', 'tokens_per_second', 'tokens/s'],
  ['generation', 'one text, one character at a time', 'characters_per_second', 'characters/s'],
  ['translation', 'training of translation, target tokens', 'tokens_per_second', 'tokens/s'],
  ['translation', 'translation of batches of sentences', 'sentences_per_second', 'sentences/s'],
  ['speech', 'training of an acoustic model, frames', 'frames_per_second', 'frames/s'],
  ['speech', 'CTC losses with their gradients, recordings', 'losses_per_second', 'losses/s'],
  ['speech', 'MFCC, seconds of sound; the ratio is to meyda', 'audio_seconds_per_second', 'seconds/s'],
  ['gemm', 'matrix products', 'gflops', 'GFLOP/s'],
]);

/**
 * The results as tables for people, one for each part that was measured, as many as it has figures. A row of another precision than
 * f32 shows the PyTorch of its own; `/f32` is the ratio to PyTorch in float32.
 *
 * @param {Result} result
 */
export function formatBench(result) {
  const { cpu, cores, memory_gb, platform, node } = result.machine;
  const lines = [`${cpu}, ${cores} cores, ${memory_gb} GB, ${platform}, Node ${node}`];
  /** @type {Map<string, string>} */
  const versions = new Map();
  for (const [part, title, figure, unit] of parts) {
    const rows = (result[part] ?? []).filter((/** @type {any} */ row) => row[figure] !== undefined);
    if (rows.length > 0) lines.push('', ...formatPart(rows, title, figure, unit));
    for (const row of rows) {
      for (const [name, { version }] of Object.entries(row.peers)) versions.set(name.replace(/-f32$/, ''), version);
    }
  }
  if (versions.size > 0)
    lines.push('', `peers: ${[...versions].map(([name, version]) => peerLabel(name, version)).join(', ')}`);
  if (result.left_out.length > 0)
    lines.push('', ...result.left_out.map((/** @type {string} */ line) => `left out: ${line}`));
  return lines.join('\n');
}

/** @param {string} name @param {string} version */
function peerLabel(name, version) {
  return `${name.replace(/-\d.*$/, '')} ${version.split('+')[0]}`;
}

/** @param {any[]} rows @param {string} title @param {string} figure @param {string} unit */
function formatPart(rows, title, figure, unit) {
  const peers = [...new Set(rows.flatMap((row) => Object.keys(row.peers)))].filter((name) => !name.endsWith('-f32'));
  const has = (/** @type {string} */ field) => rows.some((row) => row[field] !== undefined);
  const ways = [...new Set(rows.map((row) => `${row.backend} x${row.threads}${row.isa ? ` ${row.isa}` : ''}`))];
  const columns = [
    { head: unit, cell: (/** @type {any} */ row) => row.name },
    { head: '', cell: (/** @type {any} */ row) => row.precision ?? row.weights },
    { head: 'ours', cell: (/** @type {any} */ row) => count(row[figure]) },
    ...(has('share_of_l1_peak')
      ? [{ head: 'of peak', cell: (/** @type {any} */ row) => percent(row.share_of_l1_peak) }]
      : []),
    ...peers.map((name) => ({ head: name, cell: (/** @type {any} */ row) => count(row.peers[name]?.[figure]) })),
    { head: 'ratio', cell: (/** @type {any} */ row) => ratio(row.ratio) },
    ...(has('ratio_f32') ? [{ head: '/f32', cell: (/** @type {any} */ row) => ratio(row.ratio_f32) }] : []),
  ];
  const table = [columns.map(({ head }) => head), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, column) => Math.max(...table.map((cells) => cells[column].length)));
  const lines = table.map((cells) =>
    cells
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
  return [`${title} (${ways.join(', ')})`, ...lines];
}

/** @param {number | undefined} value */
function count(value) {
  if (value === undefined) return '-';
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}

/** @param {number | null | undefined} value */
function ratio(value) {
  return value === null || value === undefined ? '-' : value.toFixed(2);
}

/** @param {number | undefined} value */
function percent(value) {
  return value === undefined ? '-' : `${Math.round(100 * value)} %`;
}

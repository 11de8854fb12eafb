/** @typedef {Record<string, any>} Result */

const figures = /** @type {const} */ ([
  ['training', 'tokens_per_second', 'tokens/s'],
  ['generation', 'characters_per_second', 'characters/s'],
  ['gemm', 'gflops', 'GFLOP/s'],
]);

/**
 * The results as tables for people, one for each part that was measured.
 *
 * @param {Result} result
 */
export function formatBench(result) {
  const { cpu, cores, memory_gb, platform, node } = result.machine;
  const lines = [`${cpu}, ${cores} cores, ${memory_gb} GB, ${platform}, Node ${node}`];
  for (const [part, figure, unit] of figures) {
    if (result[part].length > 0) lines.push('', ...formatPart(result[part], figure, unit));
  }
  for (const line of result.left_out) lines.push('', `left out: ${line}`);
  return lines.join('\n');
}

/** @param {any[]} rows @param {string} figure @param {string} unit */
function formatPart(rows, figure, unit) {
  const peers = [...new Set(rows.flatMap((row) => Object.keys(row.peers)))];
  const head = [unit, 'precision', 'backend', 'ours', ...peers.map((name) => title(name, rows)), 'ratio'];
  const body = rows.map((row) => [
    row.name,
    row.precision ?? row.weights,
    `${row.backend} x${row.threads}`,
    count(row[figure]),
    ...peers.map((name) => (row.peers[name] ? count(row.peers[name][figure]) : '-')),
    row.ratio === null ? '-' : row.ratio.toFixed(2),
  ]);
  const table = [head, ...body];
  const widths = head.map((_, column) => Math.max(...table.map((cells) => cells[column].length)));
  return table.map((cells) =>
    cells
      .map((cell, column) => (column < 3 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}

/** @param {string} name @param {any[]} rows */
function title(name, rows) {
  const version = rows.map((row) => row.peers[name]?.version).find(Boolean) ?? '';
  return `${name.replace(/-[\d.]+$/, '')} ${version.split('+')[0]}`;
}

/** @param {number} value */
function count(value) {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}

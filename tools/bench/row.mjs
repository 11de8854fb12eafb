/** @typedef {import('./contest.mjs').Results} Results */

/** @param {number} value to four digits */
export function round(value) {
  return Number(value.toPrecision(4));
}

/**
 * The row of one of ours beside the peers that were measured with it.
 *
 * `ratio` is ours over the fastest PyTorch of the same precision, `ratio_f32` over the fastest PyTorch in float32 where the row has
 * another one; null where there is none. `over` names others that `ratio` is over.
 *
 * @param {Results} results
 * @param {{ ours: string, figure: string, precision: string, pythons: { name: string }[], others?: string[],
 *   over?: string[], extra?: (figures: Record<string, number>) => object }} what
 */
export function rowOf(results, { ours, figure, precision, pythons, others = [], over, extra = () => ({}) }) {
  const own = results[ours];
  /** @param {string[]} names */
  const fastest = (names) => {
    const all = names.flatMap((name) => results[name]?.figures[figure] ?? []);
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
  const pyTorch = (/** @type {string} */ format) => pythons.map(({ name }) => `${name} ${format}`);
  /** @param {number | null} best */
  const ratioTo = (best) => (best === null ? null : round(own.figures[figure] / best));
  return {
    backend: own.about.backend,
    threads: own.about.threads,
    ...(own.about.isa ? { isa: own.about.isa } : {}),
    ...rounded(own.figures),
    ...extra(own.figures),
    peers,
    ratio: ratioTo(fastest(over ?? pyTorch(precision))),
    ...(precision === 'f32' ? {} : { ratio_f32: ratioTo(fastest(pyTorch('f32'))) }),
    reason: own.about.reason,
  };
}

/** @param {Record<string, number>} figures */
function rounded(figures) {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)]));
}

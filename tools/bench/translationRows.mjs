import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ours, precisionsOf, pyTorch, run, withFolder } from './contenders.mjs';
import { startScript } from './peers.mjs';
import { round, rowOf } from './row.mjs';
import { translation } from './sizes.mjs';
import { targetTokens, translationFlops, translationTask } from './translationTask.mjs';

/**
 * @typedef {import('./contest.mjs').Results} Results
 * @typedef {import('./contenders.mjs').Settings} Settings
 * @typedef {import('./rows.mjs').Row} Row
 * @typedef {import('./translationTask.mjs').Task} Task
 */

/**
 * Training and searching of one translation model, from the same weights and with the same sentences on all sides.
 *
 * @param {Settings} settings @param {Task} task
 */
export async function translationRows(settings, task = translationTask()) {
  /** @type {Row[]} */
  const rows = [];
  const precisions = precisionsOf(settings);
  const wanted = translation.filter(({ name }) => settings.wanted('translation', name));
  if (wanted.length === 0 || precisions.length === 0) return rows;
  await withFolder(async (folder) => {
    writeFileSync(join(folder, 'task.json'), JSON.stringify(task));
    (await startScript('oursTranslation.mjs', 'export', { folder })).stop();
    for (const { name, what, figure } of wanted) {
      const results = await run(settings, `${name}: ${labelOf(task, what)}`, [
        ...precisions.map((precision) => ours(settings, what, precision, { folder, precision }, 'oursTranslation.mjs')),
        ...pyTorch(settings, what, [...new Set(['f32', ...precisions])], { folder }, 'pytorch_translation.py'),
      ]);
      for (const precision of precisions.filter((each) => results[each])) {
        rows.push(translationRow(results, { task, name, figure, precision, pythons: settings.pythons }));
      }
    }
  });
  return rows;
}

/** @param {Task} task @param {string} what */
function labelOf({ model, batches, search }, what) {
  const { encoder, decoder } = model;
  const sizes = `encoder ${2 * encoder.units}, decoder ${decoder.layers} x ${decoder.units}`;
  const most = what === 'beam' ? `, beam ${search.beamSize}` : '';
  return `${sizes}, batch ${batches[0].source.length}${what === 'train' ? '' : `, ${search.steps} steps${most}`}`;
}

/**
 * A row as {@link rowOf} makes it, and how alike the sides are: of training the loss of the weights that all start from, of
 * searches the share of a batch's sentences that a peer translates as ours does in the same precision. In float32 the former are
 * equal, and the latter is all but for near ties.
 *
 * @param {Results} results
 * @param {{ task: Task, name: string, figure: string, precision: string, pythons: { name: string }[] }} what
 * @returns {Row}
 */
export function translationRow(results, { task, name, figure, precision, pythons }) {
  const own = results[precision].about;
  const compared = Object.fromEntries(
    Object.entries(results).map(([side, { about, figures }]) => {
      const { translations, ...rest } = about;
      const same = translations && { same_translations: shareOfEqual(own.translations, translations) };
      return [side, { about: { ...rest, ...same }, figures }];
    }),
  );
  const flopsPerToken = translationFlops(task) / targetTokens(task.batches);
  const extra = (/** @type {Record<string, number>} */ { tokens_per_second: speed }) =>
    /** @type {object} */ (speed === undefined ? {} : { gflops: round((flopsPerToken * speed) / 1e9) });
  const row = rowOf(compared, { figure, pythons, ours: precision, precision, extra });
  return { name, precision, ...(own.loss === undefined ? {} : { loss: own.loss }), ...row };
}

/** @param {readonly number[][]} ours @param {readonly number[][]} theirs */
function shareOfEqual(ours, theirs) {
  const equal = ours.filter((tokens, index) => tokens.join() === theirs[index]?.join());
  return round(equal.length / ours.length);
}

import { ours, precisionsOf, pyTorch, run, withFolder } from './contenders.mjs';
import { startScript } from './peers.mjs';
import { round, rowOf } from './row.mjs';
import { cepstra, speech } from './sizes.mjs';
import { speechFlopsPerFrame, speechTask, writeSpeechTask } from './speechTask.mjs';

/**
 * @typedef {import('./contest.mjs').Results} Results
 * @typedef {import('./contenders.mjs').Settings} Settings
 * @typedef {import('./rows.mjs').Row} Row
 * @typedef {import('./speechTask.mjs').Task} Task
 */

/**
 * Training of one acoustic model, from the same weights and with the same recordings on all sides; its loss alone; and the features
 * of sound, whose peer is meyda.
 *
 * @param {Settings} settings @param {Task} task
 */
export async function speechRows(settings, task = speechTask()) {
  /** @type {Row[]} */
  const rows = [];
  const wanted = speech.filter(
    ({ name, what }) => settings.wanted('speech', name) && precisionsFor(settings, what).length > 0,
  );
  const learned = wanted.filter(({ what }) => what !== 'mfcc');
  if (learned.length > 0) {
    await withFolder(async (folder) => {
      writeSpeechTask(folder, task);
      (await startScript('oursSpeech.mjs', 'export', { folder })).stop();
      for (const { name, what, figure } of learned) {
        const precisions = precisionsFor(settings, what);
        const results = await run(settings, `${name}: ${labelOf(task, what)}`, [
          ...precisions.map((precision) => ours(settings, what, precision, { folder, precision }, 'oursSpeech.mjs')),
          ...pyTorch(settings, what, [...new Set(['f32', ...precisions])], { folder }, 'pytorch_speech.py'),
        ]);
        for (const precision of precisions.filter((each) => results[each])) {
          rows.push(speechRow(results, { task, name, figure, precision, pythons: settings.pythons }));
        }
      }
    });
  }
  for (const { name, what, figure } of wanted) {
    if (what === 'mfcc') rows.push(...(await featureRows(settings, name, figure)));
  }
  return rows;
}

/** Only training has formats; losses and features have float32 alone. @param {Settings} settings @param {string} what */
function precisionsFor(settings, what) {
  return precisionsOf(settings).filter((format) => format === 'f32' || what === 'train');
}

/** @param {Task} task @param {string} what */
function labelOf({ model, batches, alignment }, what) {
  if (what === 'train') {
    return `${model.layers} x 2 x ${model.hiddenSize}, batch ${batches[0].frames.length}, ${model.classes} symbols`;
  }
  return `batch ${alignment.frames.length}, ${Math.max(...alignment.frames)} frames, ${alignment.symbols} symbols`;
}

/**
 * A row as {@link rowOf} makes it, and how alike the sides are: of training the loss of the weights that all start from, of losses
 * alone their mean and, for each peer, by what part of them its losses, and its gradients' sums, differ at most from ours.
 *
 * @param {Results} results
 * @param {{ task: Task, name: string, figure: string, precision: string, pythons: { name: string }[] }} what
 * @returns {Row}
 */
export function speechRow(results, { task, name, figure, precision, pythons }) {
  const own = results[precision].about;
  const compared = Object.fromEntries(
    Object.entries(results).map(([side, { about, figures }]) => {
      const { losses, gradients, ...rest } = about;
      const differences = losses && {
        loss_difference: largestDifference(own.losses, losses),
        gradient_difference: largestDifference(own.gradients, gradients),
      };
      return [side, { about: { ...rest, ...differences }, figures }];
    }),
  );
  const extra = (/** @type {Record<string, number>} */ { frames_per_second: speed }) =>
    /** @type {object} */ (
      speed === undefined ? {} : { gflops: round((speechFlopsPerFrame(task.model) * speed) / 1e9) }
    );
  const row = rowOf(compared, { figure, pythons, ours: precision, precision, extra });
  return { name, precision, loss: own.losses ? mean(own.losses) : own.loss, ...row };
}

/** @param {Settings} settings @param {string} name @param {string} figure @returns {Promise<Row[]>} */
async function featureRows(settings, name, figure) {
  const { count, bands, frameLength } = cepstra;
  const results = await run(
    settings,
    `${name}: ${count} coefficients of ${bands} bands, frames of ${frameLength} samples`,
    [
      { name: 'f32', start: () => startScript('mfcc.mjs', 'ours', {}) },
      { name: 'meyda', start: () => startScript('mfcc.mjs', 'meyda', {}) },
    ],
  );
  if (!results.f32) return [];
  const what = { figure, ours: 'f32', precision: 'f32', pythons: [], others: ['meyda'], over: ['meyda'] };
  return [{ name, precision: 'f32', frames: results.f32.about.frames, ...rowOf(results, what) }];
}

/** Of two rows of numbers: the largest difference, as a part of ours. @param {number[]} ours @param {number[]} theirs */
function largestDifference(ours, theirs) {
  return Number(
    Math.max(...ours.map((value, index) => Math.abs(theirs[index] - value) / Math.abs(value))).toPrecision(2),
  );
}

/** @param {number[]} values */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

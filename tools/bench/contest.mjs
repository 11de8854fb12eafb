import { median } from './statistics.mjs';

/** @typedef {import('./runner.mjs').Figures} Figures */
/** @typedef {{ about: Figures, measure(seconds: number): Promise<Figures>, stop(): void }} Measurable */
/**
 * One that is measured. The slow ones have fewer rounds.
 *
 * @typedef {{ name: string, start: () => Promise<Measurable>, rounds?: number, seconds?: number }} Contender
 */
/** @typedef {Record<string, { about: Figures, figures: Figures }>} Results */

/**
 * Starts all contenders one after the other, so that each finds its best settings undisturbed, then lets them take turns, round
 * after round, so that a slow moment of the machine meets all of them. One that ends in between is left out.
 *
 * @param {Contender[]} contenders
 * @param {{ rounds: number, seconds: number }} options
 * @returns {Promise<{ results: Results, missing: string[] }>} each one's medians, and why others are not there
 */
export async function compete(contenders, { rounds, seconds }) {
  /** @type {(Contender & { runner: Measurable, answers: Figures[] })[]} */
  const present = [];
  /** @type {string[]} */
  const missing = [];
  /** @type {Set<string>} */
  const lost = new Set();
  try {
    for (const contender of contenders) {
      try {
        const runner = await contender.start();
        if (runner.about.unsupported) {
          missing.push(`${contender.name}: ${runner.about.unsupported}`);
          runner.stop();
        } else {
          present.push({ ...contender, runner, answers: [] });
        }
      } catch (error) {
        missing.push(`${contender.name}: ${/** @type {Error} */ (error).message}`);
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const contender of present) {
        if (round >= (contender.rounds ?? rounds)) continue;
        if (lost.has(contender.name)) continue;
        try {
          contender.answers.push(await contender.runner.measure(contender.seconds ?? seconds));
        } catch (error) {
          lost.add(contender.name);
          missing.push(`${contender.name}: ${/** @type {Error} */ (error).message}`);
        }
      }
    }
  } finally {
    for (const { runner } of present) runner.stop();
  }
  const results = present
    .filter(({ name }) => !lost.has(name))
    .map(({ name, runner, answers }) => [name, { about: runner.about, figures: medians(answers) }]);
  return { results: Object.fromEntries(results), missing };
}

/** @param {Figures[]} answers */
function medians(answers) {
  return Object.fromEntries(
    Object.keys(answers[0]).map((figure) => [figure, median(answers.map((answer) => answer[figure]))]),
  );
}

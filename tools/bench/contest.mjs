import { median } from './statistics.mjs';

/** @typedef {import('./runner.mjs').Figures} Figures */
/** @typedef {{ about: Figures, measure(seconds: number): Promise<Figures>, stop(): void }} Measurable */
/**
 * One that is measured. The slow ones have fewer rounds; one `beside` another stays away when that one is missing.
 *
 * @typedef {{ name: string, start: () => Promise<Measurable>, rounds?: number, seconds?: number, beside?: string }} Contender
 */
/** @typedef {Record<string, { about: Figures, figures: Figures }>} Results */

/**
 * Starts all contenders one after the other, so that each finds its best settings undisturbed, then lets them take turns, round
 * after round, so that a slow moment of the machine meets all of them. A round before the first is not counted: code that is
 * compiled while it runs is slow then (those of fewer rounds are spared it). One that ends in between is left out.
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
      const { beside } = contender;
      if (beside !== undefined && !present.some(({ name }) => name === beside)) continue;
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
    for (let round = -1; round < rounds; round++) {
      for (const contender of present) {
        if (round >= (contender.rounds ?? rounds) || (round < 0 && contender.rounds !== undefined)) continue;
        if (lost.has(contender.name)) continue;
        try {
          const answer = await contender.runner.measure(contender.seconds ?? seconds);
          if (round >= 0) contender.answers.push(answer);
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

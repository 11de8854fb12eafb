/**
 * onnxruntime-node as a peer (runner.mjs says how it is asked): single steps of the same model, its LSTM operation in float32.
 *
 *     node tools/bench/onnxruntime.mjs generate --hidden 128 --from FOLDER
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { onnxStepModel } from './onnxModel.mjs';
import { serve } from './runner.mjs';
import { layers, symbols } from './sizes.mjs';
import { draw } from './statistics.mjs';

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    hidden: { type: 'string', default: '128' },
    threads: { type: 'string' },
    from: { type: 'string', default: '.' },
  },
});
const hidden = Number(values.hidden);
// Any name, since the repository does not depend on it.
const load = /** @type {(name: string) => any} */ (createRequire(join(values.from, 'package.json')));
const { InferenceSession, Tensor } = load('onnxruntime-node');
const { version } = load('onnxruntime-node/package.json');
const model = onnxStepModel({ symbols, hidden, layers });

/** Draws characters for so many seconds. @param {number} threads */
async function generator(threads) {
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3 };
  const session = await InferenceSession.create(model, options);
  const names = Array.from({ length: layers }, (_, layer) => [`h${layer}`, `c${layer}`]).flat();
  const zeros = () => new Tensor('float32', new Float32Array(hidden), [1, 1, hidden]);
  let state = Object.fromEntries(names.map((name) => [name, zeros()]));
  let token = 0;
  return async (/** @type {number} */ seconds) => {
    const started = performance.now();
    let count = 0;
    do {
      const ids = new Tensor('int64', BigInt64Array.of(BigInt(token)), [1, 1]);
      const outputs = await session.run({ ids, ...state });
      state = Object.fromEntries(names.map((name) => [name, outputs[`next_${name}`]]));
      token = draw(outputs.logits.data);
      count++;
    } while (performance.now() - started < 1000 * seconds);
    return (1000 * count) / (performance.now() - started);
  };
}

/** @type {{ threads: number, speed: number, run: (seconds: number) => Promise<number> } | undefined} */
let best;
for (const threads of values.threads ? [Number(values.threads)] : [1, 2]) {
  const run = await generator(threads);
  await run(0.05);
  const speed = await run(0.2);
  if (!best || speed > best.speed) best = { threads, speed, run };
}
const { threads, run } = /** @type {NonNullable<typeof best>} */ (best);
await serve({ version, settings: { threads } }, async (seconds) => ({ characters_per_second: await run(seconds) }));

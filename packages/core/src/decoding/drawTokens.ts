import { expected, InputError } from '../errors.js';
import { chooseToken } from './chooseToken.js';
import type { SampleRequest, StepSession } from './stepEngine.js';

/**
 * What {@link StepSession.sample} is to do, by its `step` and `chooseToken`: the loop of the sessions that have none of their own,
 * and what the others are tested against.
 */
export function drawTokens(session: StepSession, request: SampleRequest): number {
  checkSampleRequest(session.batch, request);
  const { count, uniforms, temperature, topK, topP, bannedTokens, stopTokens, milliseconds } = request;
  const options = {
    temperature,
    topK: topK === 0 ? undefined : topK,
    topP: topP === 1 ? undefined : topP,
    bannedTokens: Array.from(bannedTokens),
  };
  let drawn = 0;
  const random = { next: () => uniforms[drawn] };
  const start = performance.now();
  let token = request.token;
  while (drawn < count) {
    const logits = session.step(Int32Array.of(token));
    const choice = chooseToken(logits, [], options, random);
    token = choice.token;
    request.tokens[drawn] = token;
    request.logProbabilities[drawn] = choice.logProbability;
    drawn++;
    if (stopTokens.includes(token) || performance.now() - start >= milliseconds) break;
  }
  return drawn;
}

/** Refuses a request that a session of so many texts cannot honour. */
export function checkSampleRequest(batch: number, request: SampleRequest): void {
  const { count, uniforms, temperature, tokens, logProbabilities } = request;
  if (batch !== 1) throw new InputError(expected('the batch of a session that samples', '1', batch));
  if (!Number.isInteger(count) || count < 1) throw new InputError(expected('count', 'a positive integer', count));
  const lengths = { tokens, logProbabilities, ...(temperature > 0 ? { uniforms } : {}) };
  for (const [name, array] of Object.entries(lengths)) {
    if (array.length < count)
      throw new InputError(expected(`the length of ${name}`, `at least ${count}`, array.length));
  }
}

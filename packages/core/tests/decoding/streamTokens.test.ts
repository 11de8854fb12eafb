import { beforeEach, describe, expect, test } from 'vitest';
import {
  drawTokens,
  sampleSequence,
  streamChunks,
  streamTokens,
  type SampledToken,
  type SampleRequest,
  type StepSession,
  type StreamOptions,
} from '../../src/decoding/index.js';
import { Random } from '../../src/random.js';

const V = 6;

/** A model whose logits follow from all it has read, and which keeps a list of that. */
class HashSession implements StepSession {
  read: number[] = [];
  slices = 0;
  private state: Float32Array;

  constructor(
    readonly batch = 1,
    private readonly milliseconds = 0,
  ) {
    this.state = new Float32Array(batch);
  }

  step(tokens: Int32Array): Float32Array {
    this.read.push(tokens[0]);
    for (const end = performance.now() + this.milliseconds; performance.now() < end;);
    const logits = new Float32Array(this.batch * V);
    tokens.forEach((token, row) => {
      this.state[row] = (this.state[row] * 31 + token + 1) % 1009;
      for (let id = 0; id < V; id++) logits[row * V + id] = Math.sin(this.state[row] * (id + 1));
    });
    return logits;
  }

  sample(request: SampleRequest): number {
    this.slices++;
    return drawTokens(this, request);
  }

  states(): Float32Array[] {
    return [this.state.slice()];
  }

  setStates([state]: readonly Float32Array[]): void {
    this.state = state.slice();
  }

  dispose(): void {}
}

let session: HashSession;
beforeEach(() => (session = new HashSession()));

const options = (more: Partial<StreamOptions> = {}): StreamOptions => ({
  prompt: [1, 2],
  maximumTokens: 40,
  random: new Random(3),
  ...more,
});

async function collect(stream: AsyncIterable<SampledToken>, most = Infinity): Promise<SampledToken[]> {
  const tokens: SampledToken[] = [];
  for await (const token of stream) {
    tokens.push(token);
    if (tokens.length === most) break;
  }
  return tokens;
}

/** The same by `sampleSequence`. */
function sampled(more: Partial<StreamOptions> = {}, samples = 1): Promise<SampledToken[]> {
  const other = new HashSession(samples);
  const step = (tokens: Int32Array): { logits: Float32Array[]; state: null } => {
    const logits = other.step(tokens);
    return { logits: Array.from(tokens, (_, row) => logits.slice(row * V, (row + 1) * V)), state: null };
  };
  return collect(sampleSequence(step, { ...options(more), state: null, samples }));
}

describe('streamTokens draws what sampleSequence draws', () => {
  const cases: Record<string, Partial<StreamOptions>> = {
    'with nothing special': {},
    'at temperature 0': { temperature: 0 },
    'among a few': { temperature: 1.5, topK: 3, topP: 0.9, bannedTokens: [2] },
    'among more than there are': { topK: 2 ** 40 },
    'until a stop token': { stopTokens: [5] },
    'until told to stop': { stop: (_, token) => token === 4 },
    'with a repetition penalty': { repetitionPenalty: 1.5, repetitionWindow: 8 },
    'with one token as the prompt': { prompt: [3] },
    'from within the prompt': { prompt: [1, 2, 3, 4], read: 2 },
    'more than a slice holds': { maximumTokens: 5000 },
  };
  for (const [name, more] of Object.entries(cases)) {
    test(name, async () => {
      expect(await collect(streamTokens(session, options(more)))).toEqual(await sampled(more));
    });
  }

  for (const [name, more] of Object.entries(cases)) {
    test(`${name}, in chunks`, async () => {
      const want = await sampled(more);
      const tokens: number[] = [];
      const logProbabilities: number[] = [];
      let end: SampledToken['end'] = null;
      for await (const chunk of streamChunks(session, options(more))) {
        expect(end).toBeNull();
        tokens.push(...chunk.tokens);
        logProbabilities.push(...chunk.logProbabilities);
        end = chunk.end;
      }
      expect(tokens).toEqual(want.map(({ token }) => token));
      expect(logProbabilities).toEqual(want.map(({ logProbability }) => logProbability));
      expect(end).toBe(want.at(-1)!.end);
      const expected = new HashSession();
      for (const token of [...Array.from(more.prompt ?? [1, 2]).slice(more.read ?? 0), ...tokens.slice(0, -1)]) {
        expected.step(Int32Array.of(token));
      }
      expect(session.states()).toEqual(expected.states());
    });
  }

  test('for several texts side by side', async () => {
    const got = await collect(streamTokens(new HashSession(3), options()));
    expect(got).toEqual(await sampled({}, 3));
    expect(got.filter(({ sample }) => sample === 2)).toHaveLength(40);
  });

  test('in slices cut short by the clock', async () => {
    const slow = new HashSession(1, 1);
    expect(await collect(streamTokens(slow, options()))).toEqual(await sampled());
    expect(slow.slices).toBeGreaterThanOrEqual(40 / 6); // 5 ms of 1 ms each, the last one begun before they are over
  });
});

describe('whenever the caller stops, the session has read all but the last token', () => {
  for (const most of [1, 2, 17, 40]) {
    test(`after ${most} of 40`, async () => {
      const tokens = (await collect(streamTokens(session, options()), most)).map(({ token }) => token);
      const expected = new HashSession();
      for (const token of [1, 2, ...tokens.slice(0, -1)]) expected.step(Int32Array.of(token));
      expect(session.states()).toEqual(expected.states());
    });
  }

  test('so that a text can be written in parts', async () => {
    const random = (): Random => new Random(8);
    const first = await collect(streamTokens(session, options({ random: random(), temperature: 0 })), 11);
    const prompt = [first[10].token];
    const second = await collect(streamTokens(session, options({ prompt, maximumTokens: 29, temperature: 0 })));
    expect([...first, ...second].map(({ token }) => token)).toEqual(
      (await sampled({ temperature: 0 })).map(({ token }) => token),
    );
  });

  test('also when it is aborted', async () => {
    const controller = new AbortController();
    const stop = (): boolean => (controller.abort(), false);
    const tokens = await collect(streamTokens(session, options({ signal: controller.signal, stop })));
    expect(tokens).toHaveLength(1);
    const expected = new HashSession();
    for (const token of [1, 2]) expected.step(Int32Array.of(token));
    expect(session.states()).toEqual(expected.states());
  });
});

describe('the event loop', () => {
  /**
   * The longest work between two turns of the event loop while something runs: processor time, milliseconds, which other
   * processes do not lengthen.
   */
  async function longestWork(run: () => Promise<unknown>): Promise<number> {
    let longest = 0;
    let running = true;
    let last = process.cpuUsage();
    const turn = (): void => {
      const { user, system } = process.cpuUsage(last);
      longest = Math.max(longest, (user + system) / 1000);
      last = process.cpuUsage();
      if (running) setImmediate(turn);
    };
    setImmediate(turn);
    await run();
    turn();
    running = false;
    return longest;
  }

  test('gets its turns while tokens are drawn, whether in slices or step by step, and while a caller is slow', async () => {
    const slow = (): HashSession => new HashSession(1, 0.5);
    const wait = (ms: number): void => {
      for (const end = performance.now() + ms; performance.now() < end;);
    };
    const runs = [
      () => collect(streamTokens(slow(), options({ maximumTokens: 200 }))),
      () => collect(streamTokens(slow(), options({ maximumTokens: 200, repetitionPenalty: 1.1 }))),
      async () => {
        for await (const _ of streamChunks(slow(), options({ maximumTokens: 200 })));
      },
      async () => {
        for await (const _ of streamChunks(slow(), options({ maximumTokens: 200, repetitionPenalty: 1.1 })));
      },
      () => collect(streamTokens(slow(), options({ prompt: new Int32Array(200), maximumTokens: 1 }))),
      () => collect(streamTokens(session, options({ maximumTokens: 200, stop: () => (wait(0.5), false) }))),
    ];
    for (const run of runs) {
      // 100 ms of work in slices of 5 ms by the clock; twice that and a collection of garbage are far below the whole.
      expect(await longestWork(run)).toBeLessThan(20);
    }
  });

  test('would be seen to wait', async () => {
    const busy = new HashSession(1, 0.5);
    const step = (tokens: Int32Array): { logits: Float32Array[]; state: null } => ({
      logits: [busy.step(tokens)],
      state: null,
    });
    const run = (): Promise<unknown> =>
      collect(sampleSequence(step, { ...options({ maximumTokens: 400 }), state: null }));
    expect(await longestWork(run)).toBeGreaterThan(30); // 200 ms by the clock, on a busy machine less of the processor's
  });
});

test('where the question whether to stop fails, nothing is read beyond the token that it was asked of', async () => {
  const drawn = (await sampled()).map(({ token }) => token);
  let asked = 0;
  const stop = (): boolean => {
    if (++asked === 3) throw new Error('no answer');
    return false;
  };
  await expect(streamChunks(session, options({ stop })).next()).rejects.toThrow('no answer');
  const expected = new HashSession();
  for (const token of [1, 2, ...drawn.slice(0, 2)]) expected.step(Int32Array.of(token));
  expect(session.states()).toEqual(expected.states());
});

describe('a request is refused', () => {
  const request: SampleRequest = {
    ...{ token: 0, count: 2, temperature: 1, topK: 0, topP: 1, milliseconds: Infinity },
    uniforms: new Float64Array(2),
    bannedTokens: new Int32Array(0),
    stopTokens: new Int32Array(0),
    tokens: new Int32Array(2),
    logProbabilities: new Float64Array(2),
  };

  test('by a session of several texts', () => {
    expect(() => drawTokens(new HashSession(2), request)).toThrow(
      'Expected the batch of a session that samples to be 1, got 2',
    );
  });

  test('where there is no room for the draws, or nothing to draw with', () => {
    expect(() => drawTokens(session, { ...request, tokens: new Int32Array(1) })).toThrow(
      'Expected the length of tokens to be at least 2, got 1',
    );
    expect(() => drawTokens(session, { ...request, uniforms: new Float64Array(0) })).toThrow(/uniforms/);
    expect(() => drawTokens(session, { ...request, count: 0 })).toThrow(
      'Expected count to be a positive integer, got 0',
    );
    expect(drawTokens(session, { ...request, temperature: 0, uniforms: new Float64Array(0) })).toBe(2);
  });

  test('with an option that nobody knows, or that is the session’s', async () => {
    const stream = streamTokens(session, options({ temprature: 0 } as never));
    await expect(collect(stream)).rejects.toThrow(
      'Expected an option that streamTokens knows, got temprature; did you mean temperature?',
    );
    await expect(streamChunks(session, options({ maxTokens: 3 } as never)).next()).rejects.toThrow(
      'Expected an option that streamChunks knows, got maxTokens',
    );
    await expect(collect(streamTokens(session, options({ samples: 2 } as never)))).rejects.toThrow(/samples/);
    expect(session.read).toEqual([]);
  });

  test('with options out of their ranges', async () => {
    await expect(collect(streamTokens(session, options({ topP: 2 })))).rejects.toThrow(/topP/);
    await expect(collect(streamTokens(session, options({ prompt: [] })))).rejects.toThrow(/prompt/);
    await expect(streamChunks(new HashSession(2), options()).next()).rejects.toThrow(
      'Expected the batch of a session in chunks to be 1, got 2',
    );
  });
});

import { afterEach, expect, it, vi } from 'vitest';
import { createProgram, runProgram } from '../src/command.js';
import { createApi, streamBody } from '../src/server/index.js';
import { addServe, type ServeFlags } from '../src/serveVerb.js';
import type { CommonOptions } from '../src/command.js';

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

/** Serves something that is asked for a path, then stops; gives what was written, and whether the model was freed. */
async function serveOnce(path: string) {
  const text = { stdout: '', stderr: '' };
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => ((text.stdout += String(chunk)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => ((text.stderr += String(chunk)), true));
  const dispose = vi.fn();
  const program = createProgram({ name: 'cadenza-test', description: 'a test', version: '1.2.3' });
  addServe<ServeFlags & CommonOptions>(program, {
    description: 'serves',
    configure: () => {},
    open: async () => ({
      ...{ about: {}, backend: { name: 'cpu', precision: 'f32' }, dispose },
      api: (options) => {
        const api = createApi(options);
        api.get('/endless', (context) =>
          streamBody(context, async (answer) => {
            await answer.write('begun');
            await new Promise(() => {});
          }),
        );
        return api;
      },
    }),
  });
  const ran = runProgram(program, ['serve', '--port', '0', '--json']);
  const url = await vi.waitUntil(() => /http:\S+(?=;)/.exec(text.stderr)?.[0], 10_000);
  const response = await fetch(`${url}${path}`);
  await response.body!.cancel();
  process.emit('SIGINT');
  await ran;
  return { last: text.stdout.trimEnd().split('\n').at(-1), freed: dispose.mock.calls.length > 0 };
}

it('frees the model once it has served', async () => {
  expect(await serveOnce('/health')).toEqual({ last: '{"requests":1}', freed: true });
});

it('leaves the model to a stream that does not notice that it was cut off', async () => {
  expect(await serveOnce('/endless')).toEqual({ last: '{"requests":1}', freed: false });
});

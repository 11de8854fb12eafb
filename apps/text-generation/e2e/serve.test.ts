import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { cadenzaText, lastObject, scratchFolder, whileServing } from './command.js';

const folder = scratchFolder();
const run = join(folder, 'run');
const data = fileURLToPath(new URL('../../../LICENSE', import.meta.url));

beforeAll(async () => {
  const small = ['--preset', 'tiny', '--data', data, '--set', 'hiddenSize=8', '--max-steps', '5'];
  expect(await cadenzaText(['train', '--run', run, '--quiet', ...small])).toMatchObject({ code: 0 });
});

describe('serve', () => {
  it('writes over HTTP what generate does, whole and as it goes, until Ctrl-C', async () => {
    const flags = ['--length', '80', '--seed', '3', '--no-echo'];
    const { stdout } = await cadenzaText(['generate', '--run', run, '--quiet', '--prompt', 'The', ...flags]);
    const body = { prompt: 'The', length: 80, seed: 3 };
    const result = await whileServing(cadenzaText, ['--run', run], async (url) => {
      const post = (path: string, value: object) =>
        fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(value) });
      const whole = (await (await post('/generate', body)).json()) as { texts: { text: string }[] };
      expect(`${whole.texts[0].text}\n`).toBe(stdout);
      const events = await (await post('/generate', { ...body, stream: true })).text();
      const pieces = [...events.matchAll(/^data: (\{"text".*)$/gm)].map(
        ([, data]) => (JSON.parse(data) as { text: string }).text,
      );
      expect(`${pieces.join('')}\n`).toBe(stdout);
      expect((await post('/score', { text: 'The' })).status).toBe(200);
      expect((await post('/generate', { temperature: -1 })).status).toBe(400);
    });
    expect(result.code).toBe(130);
    expect(lastObject(result)).toEqual({ requests: 4 });
  }, 60_000);
});

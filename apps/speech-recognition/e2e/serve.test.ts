import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeSongs } from '../tests/tones.js';
import { cadenzaSpeech, lastObject, scratchFolder, whileServing } from './command.js';

const folder = scratchFolder();
const manifest = writeSongs(join(folder, 'songs'));
const run = join(folder, 'run');
const song = join(folder, 'songs/train-1.wav');

beforeAll(async () => {
  const small = ['--preset', 'tiny', '--data', manifest, '--max-steps', '5', '--held-out', '0.3'];
  expect(await cadenzaSpeech(['train', '--run', run, '--quiet', ...small])).toMatchObject({ code: 0 });
}, 60_000);

describe('serve', () => {
  it('writes down over HTTP what transcribe does, files and streams, until Ctrl-C', async () => {
    const { stdout } = await cadenzaSpeech(['transcribe', '--run', run, '--quiet', song]);
    const sound = readFileSync(song);
    const result = await whileServing(cadenzaSpeech, ['--run', run], async (url) => {
      const post = (path: string, body: Uint8Array<ArrayBuffer>) => fetch(`${url}${path}`, { method: 'POST', body });
      expect(await (await post('/transcribe?format=text', sound)).text()).toBe(stdout);
      const lines = (await (await post('/listen', sound)).text()).trimEnd().split('\n');
      expect(JSON.parse(lines.at(-1)!)).toHaveProperty('end');
      expect((await post('/transcribe', sound.subarray(0, 50))).status).toBe(400);
    });
    expect(result.code).toBe(130);
    expect(lastObject(result)).toEqual({ requests: 3 });
  }, 60_000);
});

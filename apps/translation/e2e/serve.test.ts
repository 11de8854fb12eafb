import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cadenzaTranslate, lastObject, scratchFolder, whileServing } from './command.js';
import { quick, writeTenPairs } from './tenPairs.js';

const folder = scratchFolder();
const { data } = writeTenPairs(folder);
const run = join(folder, 'run');

beforeAll(async () => {
  expect(
    await cadenzaTranslate(['train', '--run', run, '--quiet', ...data, ...quick, '--max-steps', '5']),
  ).toMatchObject({
    code: 0,
  });
});

describe('serve', () => {
  it('translates over HTTP what translate does, until Ctrl-C', async () => {
    const lines = ['one two', 'five three two one'];
    const { stdout } = await cadenzaTranslate(['translate', '--run', run, '--quiet'], {
      input: `${lines.join('\n')}\n`,
    });
    const result = await whileServing(cadenzaTranslate, ['--run', run], async (url) => {
      const post = async (text: unknown): Promise<{ translations: { text: string }[]; error?: string }> => {
        const answer = await fetch(`${url}/translate`, { method: 'POST', body: JSON.stringify({ text }) });
        return (await answer.json()) as { translations: { text: string }[] };
      };
      expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok', run: ['run'] });
      const { translations } = await post(lines);
      expect(`${translations.map(({ text }) => text).join('\n')}\n`).toBe(stdout);
      const alone = await Promise.all(lines.map((line) => post(line)));
      expect(alone.map((answer) => answer.translations[0].text)).toEqual(translations.map(({ text }) => text));
      expect(await post(7)).toMatchObject({ error: 'Expected text to be a text or a list of texts, got 7' });
      expect((await fetch(`${url}/translate`)).status).toBe(405);
      const rebound = get(`${url}/health`, { headers: { host: 'rebound.example.org' } });
      const [refused] = (await once(rebound, 'response')) as [IncomingMessage];
      expect(refused.resume().statusCode).toBe(403);
    });
    expect(result.code).toBe(130);
    expect(result.stderr).toMatch(/POST \/translate 200, \d+ ms\n/);
    expect(lastObject(result)).toEqual({ requests: 7 });
  }, 60_000);

  it('says in one line what keeps it from serving', async () => {
    const serve = (...more: string[]) => cadenzaTranslate(['serve', '--run', run, '--quiet', ...more]);
    expect(await serve('--port', '70000')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('from 0 to 65535'),
    });
    expect(await serve('--cors', 'example')).toMatchObject({ code: 2, stderr: expect.stringContaining('an origin') });
    expect(await serve('--host', '203.0.113.7')).toMatchObject({ code: 2, stderr: expect.stringContaining('--host') });
  }, 60_000);
});

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { cadenzaText, lastObject, scratchFolder, type CommandResult } from './command.js';

const folder = scratchFolder();
const run = join(folder, 'run');
const data = join(folder, 'licence.txt');
const quick = ['--backend', 'cpu', '--preset', 'tiny', '--set', 'hiddenSize=24', '--max-steps', '60', '--batch', '8'];
let trained: CommandResult;

interface Evaluation {
  stream: Record<string, number>;
  windowed: Record<string, number>;
  characters: number;
  split: string;
}

beforeAll(async () => {
  const licence = readFileSync(fileURLToPath(new URL('../../../LICENSE', import.meta.url)), 'utf8');
  writeFileSync(data, licence);
  trained = await cadenzaText(['train', '--data', data, '--run', run, '--json', ...quick]);
  expect(trained.stderr).not.toContain('error');
  expect(trained.code).toBe(0);
});

describe('train', () => {
  it('ends with the object that scripts rely on, and writes nothing else to standard output', () => {
    expect(trained.stdout.trimEnd().split('\n')).toHaveLength(1);
    const result = lastObject(trained);
    expect(result).toMatchObject({ run, steps: 60, backend: 'cpu', precision: 'f32' });
    expect(Object.keys(result)).toEqual(
      expect.arrayContaining([
        'run',
        'steps',
        'epochs',
        'seconds',
        'tokens_per_second',
        'best',
        'backend',
        'precision',
        'parameters',
      ]),
    );
    expect(result.best).toMatchObject({ step: expect.any(Number), loss: expect.any(Number) });
  });

  it('tells people about its progress on standard error', () => {
    expect(trained.stderr).toContain('backend cpu');
    expect(trained.stderr).toMatch(/step 50: validation \d\.\d+ nats/);
    expect(trained.stderr).toMatch(/protocol +nats\/char/);
    expect(trained.stderr).toContain(join(run, 'report.html'));
  });

  it('leaves a run folder with everything in it', () => {
    const names = readdirSync(run).sort();
    expect(names).toEqual(
      expect.arrayContaining(['checkpoints', 'config.json', 'metrics.jsonl', 'report.html', 'vocabulary.json']),
    );
    expect(names.some((name) => name.startsWith('events.out.tfevents.'))).toBe(true);
    expect(names).not.toContain('run.lock');
    expect(readFileSync(join(run, 'checkpoints/best'), 'utf8').trim()).toMatch(/^step-\d+$/);
    const config = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ config: { seed: 1, model: { hiddenSize: 24 } }, data: { source: data } });
    expect(config.data.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    const page = readFileSync(join(run, 'report.html'), 'utf8');
    expect(page).toMatch(/^<!DOCTYPE html>/);
    expect(page).toContain('windowed');
    expect(page).not.toMatch(/(src|href)="https?:/);
  });

  it('goes on where it ended when it is given more steps, and only with the same text and model', async () => {
    const longer = ['--max-steps', '70', '--set', 'schedule.steps=70'];
    const more = await cadenzaText(['train', '--run', run, '--resume', ...longer, '--json', '--quiet']);
    expect(lastObject(more)).toMatchObject({ steps: 70 });
    expect(more.stderr).toBe('');
    const finished = await cadenzaText(['train', '--run', run, '--resume', '--max-steps', '70', '--json', '--quiet']);
    expect(lastObject(finished)).toMatchObject({ steps: 70, best: { step: expect.any(Number) } });
    const other = join(folder, 'other.txt');
    writeFileSync(other, readFileSync(data, 'utf8').replace('Apache', 'Other'));
    const refused = await cadenzaText(['train', '--run', run, '--resume', '--data', other]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /Expected the text that the run was started with, .*licence\.txt .*got .*other\.txt/,
    );
    const wider = await cadenzaText(['train', '--run', run, '--resume', '--hidden', '32']);
    expect(wider.code).toBe(2);
    expect(wider.stderr).toMatch(/Expected model\.hiddenSize to stay 24 in a resumed run, got 32/);
  });
});

describe('a run that was computed with another precision', () => {
  it('goes on, and says that it is not bit for bit', async () => {
    const other = join(folder, 'bf16');
    cpSync(run, other, { recursive: true });
    const path = join(other, 'config.json');
    const description = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...description, precision: 'bf16' }));
    const longer = ['--max-steps', '71', '--set', 'schedule.steps=71'];
    const { code, stderr } = await cadenzaText(['train', '--run', other, '--resume', ...longer, '--quiet']);
    expect([code, stderr]).toEqual([
      0,
      'The run was computed with backend cpu, 1 thread and bf16: it goes on, but not bit for bit\n',
    ]);
  });
});

describe('evaluate', () => {
  it('measures both protocols on the validation part and ends with the fixed fields', async () => {
    const result = await cadenzaText([
      'evaluate',
      '--run',
      run,
      '--data',
      data,
      '--json',
      '--quiet',
      '--backend',
      'cpu',
    ]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    const { stream, windowed, characters, split } = lastObject<Evaluation>(result);
    const length = readFileSync(data, 'utf8').length;
    expect([characters, split]).toEqual([length - Math.floor(length * 0.9), 'validation']);
    for (const { nats_per_char, bits_per_char, perplexity } of [stream, windowed]) {
      expect(bits_per_char).toBeCloseTo(nats_per_char / Math.LN2, 10);
      expect(perplexity).toBeCloseTo(Math.exp(nats_per_char), 10);
      expect(nats_per_char).toBeGreaterThan(1);
      expect(nats_per_char).toBeLessThan(4);
    }
  });

  it('measures other parts, and all of another text', async () => {
    const other = join(folder, 'unseen.txt');
    writeFileSync(other, 'Unless required by applicable law or agreed to in writing\n');
    const options = ['--json', '--quiet', '--backend', 'cpu'];
    const all = lastObject<Evaluation>(
      await cadenzaText(['evaluate', '--run', run, '--split', 'all', '--window', '64', ...options]),
    );
    expect(all).toMatchObject({ split: 'all', characters: readFileSync(data, 'utf8').length });
    expect(all.windowed.nats_per_char).not.toBe(all.stream.nats_per_char);
    const unseen = lastObject<Evaluation>(await cadenzaText(['evaluate', '--run', run, '--data', other, ...options]));
    expect(unseen).toMatchObject({ split: 'all', characters: 58 });
  });

  it('measures the validation text of a run that has one of its own, whether or not the text is named', async () => {
    const own = join(folder, 'own');
    const validation = join(folder, 'validation.txt');
    writeFileSync(validation, 'You may reproduce and distribute copies of the Work\n'.repeat(3));
    const train = ['train', '--data', data, '--validation-data', validation, '--run', own, ...quick];
    expect(await cadenzaText([...train, '--max-steps', '2'])).toMatchObject({ code: 0 });
    for (const more of [[], ['--data', data]]) {
      const args = ['evaluate', '--run', own, '--json', '--quiet', '--backend', 'cpu', ...more];
      expect(lastObject(await cadenzaText(args))).toMatchObject({ split: 'validation', characters: 52 * 3 });
    }
    // The same where the text itself came from standard input, which is not kept.
    const path = join(own, 'config.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace(JSON.stringify(data), '"-"'));
    for (const more of [[], ['--data', '-', '--dynamic']]) {
      const args = ['evaluate', '--run', own, '--json', '--quiet', '--backend', 'cpu', ...more];
      const result = await cadenzaText(args, { input: readFileSync(data) });
      expect(lastObject(result)).toMatchObject({ split: 'validation', characters: 52 * 3 });
    }
  });

  it('counts the characters of the text itself where words are unknown', async () => {
    const words = join(folder, 'words');
    const train = ['train', '--data', data, '--run', words, ...quick, '--max-steps', '2', '--set', 'level=word'];
    expect(await cadenzaText(train)).toMatchObject({ code: 0 });
    const other = join(folder, 'unknown.txt');
    writeFileSync(other, 'Unless extraordinarily unheard-of words\n');
    const options = ['--run', words, '--unknown', 'unk', '--json', '--quiet', '--backend', 'cpu'];
    for (const call of [
      ['evaluate', '--data', other],
      ['score', '--file', other],
    ]) {
      expect(lastObject(await cadenzaText([...call, ...options]))).toMatchObject({ characters: 40 });
    }
  });

  it('takes words of the run’s own text that are not in its vocabulary as in training', async () => {
    const few = join(folder, 'few-words');
    const settings = ['--set', 'level=word', '--set', 'maximumVocabulary=20'];
    const train = ['train', '--data', data, '--run', few, ...quick, '--max-steps', '2', ...settings];
    expect(await cadenzaText(train)).toMatchObject({ code: 0 });
    const options = ['--run', few, '--json', '--quiet', '--backend', 'cpu'];
    const usual = lastObject(await cadenzaText(['evaluate', ...options, '--dynamic']));
    expect(usual).toEqual(lastObject(await cadenzaText(['evaluate', ...options, '--dynamic', '--unknown', 'unk'])));
    expect(await cadenzaText(['inspect', ...options])).toMatchObject({ code: 0 });
    const other = await cadenzaText(['inspect', ...options, '--text', 'unheard-of']);
    expect(other).toMatchObject({ code: 2 });
    expect(other.stderr).toContain('--unknown unk');
    const exported = ['export', ...options, '--output', join(folder, 'few-words-int8'), '--data'];
    expect(await cadenzaText(exported)).toMatchObject({ code: 0 });
  });

  it('shows a table to people and, when asked, dynamic evaluation', async () => {
    const { stdout } = await cadenzaText(['evaluate', '--run', run, '--dynamic', '--quiet', '--backend', 'cpu']);
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'protocol',
      'stream',
      'windowed',
      'dynamic',
      '',
    ]);
  });
});

describe('generate', () => {
  const generate = (args: string[], input?: string): Promise<CommandResult> =>
    cadenzaText(['generate', '--run', run, '--backend', 'cpu', ...args], { input });

  it('continues a prompt from a flag, a file or standard input alike', async () => {
    const options = ['--length', '30', '--seed', '5', '--quiet'];
    const flag = await generate(['--prompt', 'the Work', ...options]);
    expect(flag).toMatchObject({ code: 0, stderr: '' });
    expect(flag.stdout).toMatch(/^the Work[^]{30}\n$/);
    const file = join(folder, 'prompt.txt');
    for (const text of ['the Work', 'the Work\n']) {
      writeFileSync(file, text);
      expect((await generate(['--prompt-file', file, ...options])).stdout).toBe(flag.stdout);
    }
    expect((await generate(options, 'the Work\n')).stdout).toBe(flag.stdout);
    expect((await generate(['--prompt-file', '-', ...options], 'the Work\n')).stdout).toBe(flag.stdout);
  });

  it('starts from nothing where a pipe brings nothing', () => {
    const bin = fileURLToPath(new URL('../bin/cadenza-text.js', import.meta.url));
    const words = [process.execPath, bin, 'generate', '--run', run, '--backend', 'cpu', '--length', '9', '--quiet'];
    const written = execFileSync('bash', ['-c', ': | "$@"', 'bash', ...words], { encoding: 'utf8', stdio: 'pipe' });
    expect(written).toMatch(/^[^]{9}\n$/);
  });

  it('writes nothing but the prompt for a length of 0, and one token for a length of 1', async () => {
    const options = ['--prompt', 'the Work', '--quiet', '--top-k', '1000', '--temperature', '0'];
    expect((await generate([...options, '--length', '0'])).stdout).toBe('the Work\n');
    expect((await generate([...options, '--length', '1'])).stdout).toMatch(/^the Work[^]\n$/);
  });

  it('writes several samples, and the same again for the same seed', async () => {
    const options = [
      '-n',
      '3',
      '--length',
      '20',
      '--seed',
      '7',
      '--json',
      '--top-k',
      '10',
      '--top-p',
      '0.9',
      '--temperature',
      '0.7',
    ];
    const first = lastObject<{ samples: { text: string }[] }>(await generate(options));
    expect(first.samples).toHaveLength(3);
    expect(new Set(first.samples.map(({ text }) => text)).size).toBe(3);
    expect(lastObject(await generate(options))).toEqual(first);
  });

  it('goes on with seed 0 behind the greatest seed', async () => {
    const texts = async (seed: string, count: string): Promise<string[]> => {
      const options = ['--seed', seed, '-n', count, '--length', '20', '--json'];
      const { samples } = lastObject<{ samples: { text: string }[] }>(await generate(options));
      return samples.map(({ text }) => text);
    };
    const [greatest, zero] = await texts('9007199254740991', '2');
    expect([zero]).toEqual(await texts('0', '1'));
    expect(greatest).not.toBe(zero);
  });

  it('stops before a text', async () => {
    const { samples } = lastObject<{ samples: { text: string; stop: string }[] }>(
      await generate(['--length', '400', '--until', 'e', '--until', ' ', '--seed', '1', '--json']),
    );
    expect(['e', ' ']).toContain(samples[0].stop);
    expect(samples[0].text).not.toMatch(/[e ]/);
  });
});

describe('score', () => {
  it('gives each character of standard input its log-probability, as JSON lines with a summary at the end', async () => {
    const result = await cadenzaText(['score', '--run', run, '--json', '--quiet', '--backend', 'cpu'], {
      input: 'the Work',
    });
    const lines = result.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(
      lines
        .slice(0, -1)
        .map(({ token }) => token)
        .join(''),
    ).toBe('the Work');
    const nats = lines.slice(0, -1).reduce((sum, { log_probability }) => sum - log_probability, 0);
    expect(lines.at(-1)).toMatchObject({ characters: 8, nats, nats_per_char: nats / 8 });
  });
});

describe('chat', () => {
  it('continues each line it is given', async () => {
    const args = ['chat', '--run', run, '--length', '10', '--seed', '2', '--backend', 'cpu'];
    const { stdout, code } = await cadenzaText(args, { input: 'the Work\n\n' });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[^]{10}\n[^]{10}\n$/);
  });

  it('continues the lines that are left once standard input has ended, without a prompt', async () => {
    // What Node 24 does of itself.
    const strict = `import { Interface } from 'node:readline';
      const { prompt } = Interface.prototype;
      Interface.prototype.prompt = function (...args) {
        if (this.closed) throw new Error('readline was closed');
        return prompt.apply(this, args);
      };`;
    const args = ['chat', '--run', run, '--length', '300', '--seed', '2', '--backend', 'cpu', '--json', '--quiet'];
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(strict)}` };
    const result = await cadenzaText(args, { input: 'the\nWork\n', env });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(lastObject(result)).toMatchObject({ turns: 2 });
  });
});

describe('inspect', () => {
  it('writes a page that needs no network and prints only its path', async () => {
    const { stdout, code } = await cadenzaText([
      'inspect',
      '--run',
      run,
      '--quiet',
      '--backend',
      'cpu',
      '--characters',
      '200',
    ]);
    expect(code).toBe(0);
    expect(stdout).toBe(`${join(run, 'inspect.html')}\n`);
    const page = readFileSync(join(run, 'inspect.html'), 'utf8');
    expect(page).toContain('forget gate');
    expect(page).not.toMatch(/(src|href)="https?:/);
  });
});

describe('the embedded data', () => {
  it('is used where no text is named, and evaluated without naming it either', async () => {
    const words = join(folder, 'embedded');
    const train = await cadenzaText([
      'train',
      '--run',
      words,
      ...quick,
      '--max-steps',
      '3',
      '--json',
      '--set',
      'embeddedCharacters=20000',
    ]);
    expect(train.code).toBe(0);
    expect(existsSync(join(words, 'report.html'))).toBe(true);
    const evaluation = lastObject<Evaluation>(
      await cadenzaText(['evaluate', '--run', words, '--json', '--backend', 'cpu']),
    );
    expect(evaluation.split).toBe('validation');
  });

  it('can be read from standard input instead', async () => {
    const args = [
      'train',
      '--data',
      '-',
      '--run',
      join(folder, 'piped'),
      ...quick,
      '--max-steps',
      '2',
      '--json',
      '--quiet',
    ];
    expect(lastObject(await cadenzaText(args, { input: readFileSync(data) }))).toMatchObject({ steps: 2 });
  });
});

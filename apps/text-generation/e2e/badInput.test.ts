import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { cadenzaText, lastObject, scratchFolder, type CommandResult } from './command.js';

const folder = scratchFolder();
const trained = join(folder, 'trained');
const data = join(folder, 'licence.txt');
const cpu = ['--backend', 'cpu'];

beforeAll(async () => {
  writeFileSync(data, readFileSync(fileURLToPath(new URL('../../../LICENSE', import.meta.url))));
  const options = [
    '--preset',
    'tiny',
    '--set',
    'hiddenSize=8',
    '--batch',
    '4',
    '--max-steps',
    '30',
    '--set',
    'validationSteps=10',
  ];
  const { code, stderr } = await cadenzaText(['train', '--data', data, '--run', trained, ...cpu, ...options]);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
});

/** Every file below a folder with its content's hash. */
function contents(path: string): Record<string, string> {
  if (!existsSync(path)) return {};
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return [file, createHash('sha256').update(readFileSync(file)).digest('hex')];
    }),
  );
}

/** One line on standard error, nothing on standard output, exit code 2. */
function expectRefusal({ stdout, stderr, code }: CommandResult, message: RegExp): void {
  const lines = stderr
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('backend '));
  expect(lines).toEqual([expect.stringMatching(message)]);
  expect(stdout).toBe('');
  expect(code).toBe(2);
}

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('train refuses, with one line and exit code 2, and writes nothing:', () => {
  const cases: [string, () => string[], RegExp][] = [
    [
      'a text that is not there',
      () => ['--data', join(folder, 'no.txt')],
      /^error: Expected a text file or a folder at .*no\.txt, found nothing there/,
    ],
    ['an empty text', () => ['--data', file('empty.txt', '')], /empty\.txt, got nothing: it is empty/],
    [
      'a folder without texts',
      () => [`--data`, (mkdirSync(join(folder, 'none'), { recursive: true }), join(folder, 'none'))],
      /Expected files ending in \.txt in .*none, got an empty folder/,
    ],
    [
      'invalid UTF-8',
      () => ['--data', file('latin1.txt', Buffer.from([0x61, 0x0a, 0xe9, 0x20]))],
      /Expected UTF-8 in .*latin1\.txt, got 0xE9 at byte 2 \(line 2\)/,
    ],
    [
      'a text shorter than one window',
      () => ['--data', file('short.txt', 'To be, or not to be')],
      /Expected a training text of at least \d+ tokens .* got 17 .*short\.txt/,
    ],
    [
      'an unknown option',
      () => ['--data', data, '--hiden', '3'],
      /unknown option '--hiden' \(Did you mean --hidden\?\)/,
    ],
    [
      'an unknown preset',
      () => ['--preset', 'shakespear'],
      /Expected a known preset, got "shakespear"; did you mean shakespeare\?/,
    ],
    [
      'an unknown key',
      () => ['--set', 'model.hiddenSise=3'],
      /Expected a known key in --set, got "model\.hiddenSise"; did you mean model\.hiddenSize\?/,
    ],
    [
      'a value of the wrong type',
      () => ['--set', 'layers=two'],
      /Expected model\.layers to be a number, got "two" \(from --set\)/,
    ],
    [
      'a value out of its range',
      () => ['--layers', '1', '--dropout-between', '1.5'],
      /Expected model\.dropout\.between to be less than 1, got 1\.5/,
    ],
    [
      'an option of another optimizer',
      () => ['--data', data, '--preset', 'tiny', '--weight-decay', '0.1'],
      /weightDecay/,
    ],
    ['an unknown backend', () => ['--backend', 'natve'], /did you mean native\?/],
    [
      'a configuration that is not JSON',
      () => ['--config', file('bad.json', '{"model":')],
      /Expected --config to be JSON, got .*bad\.json/,
    ],
    [
      'a folder where the configuration belongs',
      () => ['--config', folder],
      /Expected --config to be a readable JSON file, got a directory/,
    ],
    ['nothing to resume', () => ['--resume'], /Expected --run to be a run to resume, got nothing there/],
  ];
  it.each(cases)('%s', async (_, args, message) => {
    const run = join(folder, 'never');
    expectRefusal(
      await cadenzaText(['train', '--run', run, '--preset', 'tiny', ...cpu, '--quiet', ...args()]),
      message,
    );
    expect(existsSync(run)).toBe(false);
  });

  it('a folder that is already a run', async () => {
    const before = contents(trained);
    const result = await cadenzaText(['train', '--data', data, '--run', trained, '--preset', 'tiny', ...cpu]);
    expectRefusal(result, /existing run: .*trained; add --resume to continue it/);
    expect(contents(trained)).toEqual(before);
  });

  it('a file where the run folder belongs', async () => {
    expectRefusal(await cadenzaText(['train', '--run', data, ...cpu]), /Expected --run to be a folder, got a file/);
  });

  it('an unknown verb', async () => {
    expectRefusal(await cadenzaText(['trian']), /unknown command 'trian' \(Did you mean train\?\)/);
  });
});

describe('the use of a run refuses, with one line and exit code 2, and writes nothing:', () => {
  const cases: [string, string[], RegExp][] = [
    [
      'a run that is not there',
      ['generate', '--run', join(folder, 'no-run')],
      /Expected --run to be a run folder, got nothing there: .*no-run/,
    ],
    [
      'a prompt with characters that the model never saw',
      ['generate', '--run', trained, '--prompt', 'caña'],
      /vocabulary in the prompt, got 'ñ' U\+00F1, .*--unknown skip/,
    ],
    [
      'a temperature below zero',
      ['generate', '--run', trained, '--temperature', '-1', '--prompt', 'a'],
      /'--temperature <number>' argument '-1' is invalid\. Expected a number of at least 0, got -1/,
    ],
    [
      'a probability above one',
      ['generate', '--run', trained, '--top-p', '2', '--prompt', 'a'],
      /'--top-p <number>' argument '2' is invalid\. Expected a number of \(0, 1\], got 2/,
    ],
    [
      'two prompts',
      ['generate', '--run', trained, '--prompt', 'a', '--prompt-file', data],
      /Expected one of --prompt and --prompt-file, got both/,
    ],
    [
      'a prompt file that is a folder',
      ['generate', '--run', trained, '--prompt-file', folder],
      /Expected a text file at .*, found a folder/,
    ],
    ['a missing option', ['generate'], /required option '--run <folder>' not specified/],
    [
      'a text with unknown characters',
      ['evaluate', '--run', trained, '--data', join(folder, 'greek.txt')],
      /vocabulary in the text of .*greek\.txt, got 'λ' U\+03BB/,
    ],
    ['nothing to score', ['score', '--run', trained], /standard input, got nothing: it is empty/],
    ['an empty text to score', ['score', '--run', trained, '--text', ''], /at least one character to score, got 0/],
    [
      'a text of which nothing is left to score',
      ['score', '--run', trained, '--text', 'ñ', '--unknown', 'skip'],
      /at least one character to score, got 0/,
    ],
    [
      'a rate that goes up the gradient',
      ['evaluate', '--run', trained, '--dynamic', '--dynamic-rate', '-5'],
      /Expected a number of at least 0, got -5/,
    ],
    [
      'a rate that nothing would use',
      ['evaluate', '--run', trained, '--dynamic-rate', '0.1'],
      /Expected --dynamic with --dynamic-rate, got none/,
    ],
    [
      'a place for a page that cannot be written, before the model is read',
      ['inspect', '--run', trained, '--output', join(folder, 'nowhere', 'x.html')],
      /Expected --output to be a file that can be written, got one in a folder that is not there: .*nowhere/,
    ],
    ['no sample', ['generate', '--run', trained, '-n', '0'], /Expected a positive integer, got 0/],
    ['an empty stop text', ['generate', '--run', trained, '--until', ''], /Expected --until to be a text, got ""/],
  ];
  it.each(cases)('%s', async (_, args, message) => {
    file('greek.txt', 'λόγος\n'.repeat(50));
    const before = contents(trained);
    expectRefusal(await cadenzaText([...args, ...cpu, '--quiet']), message);
    expect(contents(trained)).toEqual(before);
  });

  it('a run whose text came from standard input, when that is to be read again', async () => {
    const run = join(folder, 'piped');
    cpSync(trained, run, { recursive: true });
    const path = join(run, 'config.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace(JSON.stringify(data), '"-"'));
    for (const verb of ['evaluate', 'inspect', 'train --resume']) {
      const args = [...verb.split(' '), '--run', run, ...cpu, '--quiet'];
      expectRefusal(await cadenzaText(args), /came from standard input, .* pipe it in again with --data -/);
    }
    const again = await cadenzaText(['evaluate', '--run', run, '--data', '-', '--json', '--quiet', ...cpu], {
      input: readFileSync(data),
    });
    expect(lastObject(again)).toMatchObject({ split: 'validation' });
  });

  it('a run whose validation text came from standard input, when it is to be resumed', async () => {
    const run = join(folder, 'piped-validation');
    cpSync(trained, run, { recursive: true });
    const path = join(run, 'config.json');
    const description = JSON.parse(readFileSync(path, 'utf8'));
    const validation = { source: '-', fingerprint: '0'.repeat(64), characters: 52 };
    writeFileSync(path, JSON.stringify({ ...description, data: { ...description.data, validation } }));
    expectRefusal(
      await cadenzaText(['train', '--resume', '--run', run, ...cpu, '--quiet']),
      /Expected the validation text of the run, .* standard input, .* pipe it in again with --validation-data -/,
    );
  });

  it('a changed text', async () => {
    const run = join(folder, 'changed');
    cpSync(trained, run, { recursive: true });
    const path = join(run, 'config.json');
    const other = file('changed.txt', readFileSync(data, 'utf8').replace('Apache', 'Other'));
    writeFileSync(path, readFileSync(path, 'utf8').replace(JSON.stringify(data), JSON.stringify(other)));
    for (const verb of ['evaluate', 'inspect']) {
      const result = await cadenzaText([verb, '--run', run, ...cpu, '--quiet']);
      expectRefusal(result, /Expected .*changed\.txt to be the text the run was trained on, got a changed one/);
    }
  });

  it('a config.json that lost a part', async () => {
    const run = join(folder, 'partial');
    cpSync(trained, run, { recursive: true });
    const path = join(run, 'config.json');
    const { data: _, ...rest } = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify(rest));
    expectRefusal(await cadenzaText(['generate', '--run', run, ...cpu, '--quiet']), /Expected data in .*config\.json/);
  });

  it('a vocabulary that is not the run’s', async () => {
    const run = join(folder, 'mismatched');
    cpSync(trained, run, { recursive: true });
    const path = join(run, 'vocabulary.json');
    const json = JSON.parse(readFileSync(path, 'utf8'));
    json.vocabulary.tokens.pop();
    writeFileSync(path, JSON.stringify(json));
    const message = /vocabulary the run was trained with \(\d+ tokens\), got another one \(\d+ tokens\)/;
    expectRefusal(await cadenzaText(['generate', '--run', run, ...cpu, '--quiet']), message);
    expectRefusal(await cadenzaText(['train', '--run', run, '--resume', ...cpu, '--quiet']), message);
  });
});

describe('a damaged checkpoint', () => {
  const damage = (name: string, change: (path: string) => void, steps: string[]): string => {
    const run = join(folder, name);
    cpSync(trained, run, { recursive: true });
    for (const step of steps) change(join(run, 'checkpoints', step, 'weights.safetensors'));
    return run;
  };
  const truncate = (path: string): void => truncateSync(path, statSync(path).size >> 1);
  const flipBit = (path: string): void => {
    const bytes = readFileSync(path);
    bytes[bytes.length - 100] ^= 4;
    writeFileSync(path, bytes);
  };

  it.each([
    ['truncated', truncate],
    ['bit-flipped', flipBit],
  ])('(%s) is named, and the one before is used', async (name, change) => {
    const run = damage(`one-${name}`, change, ['step-30']);
    const result = await cadenzaText([
      'generate',
      '--run',
      run,
      '--length',
      '5',
      '--json',
      ...cpu,
      '--quiet',
      '--checkpoint',
      'latest',
    ]);
    expect(result.stderr).toMatch(
      /step-30\/weights\.safetensors .*truncated or damaged; using the checkpoint of step 20/,
    );
    expect(lastObject(result)).toMatchObject({ step: 20 });
    const resumed = await cadenzaText(['train', '--run', run, '--resume', '--json', '--quiet', ...cpu]);
    expect(resumed.stderr).toMatch(/step-30\/weights\.safetensors/);
    expect(lastObject(resumed)).toMatchObject({ steps: 30 });
  });

  it('is refused where all are damaged', async () => {
    const steps = readdirSync(join(trained, 'checkpoints')).filter((name) => name.startsWith('step-'));
    const run = damage('all', flipBit, steps);
    const before = contents(run);
    expectRefusal(await cadenzaText(['generate', '--run', run, ...cpu, '--quiet']), /weights\.safetensors/);
    expectRefusal(await cadenzaText(['train', '--run', run, '--resume', ...cpu, '--quiet']), /weights\.safetensors/);
    expect(contents(run)).toEqual(before);
  });
});

describe('a full disk', () => {
  const mountable = ((): boolean => {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
    const place = join(folder, 'probe');
    mkdirSync(place);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place], { stdio: 'ignore' });
      execFileSync('umount', [place]);
      return true;
    } catch {
      return false;
    }
  })();

  it.skipIf(!mountable)('is told before anything is written', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
    try {
      const result = await cadenzaText([
        'train',
        '--data',
        data,
        '--preset',
        'tiny',
        '--run',
        join(disk, 'run'),
        ...cpu,
        '--quiet',
      ]);
      expectRefusal(result, /Expected [\d.]+ MB free on the disk for the run, got 0\.1 MB/);
      expect(readdirSync(disk)).toEqual([]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  it.skipIf(process.platform === 'win32')('in the middle of a run names the file and leaves what was saved', () => {
    // A limit on the size of files stands for the disk: the weights still fit, the optimizer's state does not.
    const run = join(folder, 'limited');
    const bin = fileURLToPath(new URL('../bin/cadenza-text.js', import.meta.url));
    const options = ['--preset', 'tiny', '--batch', '4', '--max-steps', '30', '--set', 'validationSteps=10'];
    const words = [process.execPath, bin, 'train', '--data', data, '--run', run, ...options, ...cpu, '--quiet'];
    const script = `ulimit -f 60; trap '' XFSZ; exec "$@"`;
    let failure: { status: number; stderr: string } | undefined;
    try {
      execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      failure = error as { status: number; stderr: string };
    }
    expect(failure?.status).toBe(2);
    expect(failure!.stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^error: Expected to write .*step-10.*, got .*the checkpoint was not saved/),
    ]);
  });
});

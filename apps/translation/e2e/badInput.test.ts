import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { cadenzaTranslate, scratchFolder, type CommandResult } from './command.js';
import { quick, writeTenPairs } from './tenPairs.js';

const folder = scratchFolder();
const run = join(folder, 'run');
const cpu = ['--backend', 'cpu'];
const files = writeTenPairs(folder);

beforeAll(async () => {
  const { code, stderr } = await cadenzaTranslate([
    ...['train', '--run', run, ...files.data, ...quick, ...cpu, '--max-steps', '2', '--set', 'validationSteps=2'],
  ]);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
});

/** Too many pairs for the first bytes of their gzip file. */
const numbered = Array.from({ length: 500 }, (_, index) => `w${index}\tv${index}\n`).join('');

/** One line on standard error, nothing on standard output, exit code 2. */
function expectRefusal({ stdout, stderr, code }: CommandResult, message: RegExp): void {
  expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(message)]);
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
      'sides of unequal length, with both counts',
      () => ['--source', files.source, '--target', file('nine.de', 'eins\nzwei\n')],
      /Expected as many lines in .*ten\.en as in .*nine\.de, got 10 and 2/,
    ],
    [
      'invalid UTF-8, with the file and the line',
      () => ['--source', files.source, '--target', file('latin1.de', Buffer.from([0x61, 0x0a, 0xe9, 0x20]))],
      /Expected UTF-8 in .*latin1\.de, got 0xE9 at byte 2 \(line 2\)/,
    ],
    [
      'an empty corpus',
      () => ['--data', file('empty.tsv', '')],
      /Expected sentence pairs in .*empty\.tsv, got nothing/,
    ],
    [
      'a corpus of which cleaning leaves nothing',
      () => ['--source', file('blank.en', ' \n\n'), '--target', file('blank.de', 'a\nb\n')],
      /Expected pairs to train on in .*blank\.en and .*blank\.de, got none of 2 after cleaning \(dropped: 2 empty\)/,
    ],
    [
      'too few pairs to hold some out',
      () => ['--source', files.source, '--target', files.target],
      /Expected more than 50 pairs, which are held out for validation, got 10/,
    ],
    ['a file that is not there', () => ['--data', join(folder, 'no.tsv')], /no\.tsv, found nothing there/],
    [
      'a file that is not there, of a language that nobody has told',
      () => ['--preset', 'default', '--source', file('a.txt', 'a\n'), '--target', join(folder, 'no.txt')],
      /no\.txt, found nothing there/,
    ],
    ['one side alone', () => ['--source', files.source], /Expected --target beside --source, got none/],
    [
      'a damaged gzip file',
      () => ['--data', file('cut.tsv.gz', gzipSync(numbered).subarray(0, 400))],
      /Expected a whole gzip file at .*cut\.tsv\.gz, got a damaged one/,
    ],
    [
      'a line without a tab, with its number',
      () => ['--data', file('line.tsv', 'a\tb\nalone\n')],
      /Expected at least 2 columns between tabs in line 2 of .*line\.tsv, got 1/,
    ],
    [
      'a translation memory without its languages',
      () => ['--data', file('memory.tmx', '<?xml version="1.0"?>\n<tmx version="1.4"><body/></tmx>')],
      /Expected the languages to take from the translation memory .*memory\.tmx, got none/,
    ],
    ['a folder without languages', () => ['--data', folder], /Expected --source-language and --target-language/],
    [
      'a folder without the files',
      () => [
        ...['--data', (mkdirSync(join(folder, 'bare'), { recursive: true }), join(folder, 'bare'))],
        ...['--source-language', 'en', '--target-language', 'de'],
      ],
      /Expected train\.en and train\.de \(or \.gz\) in .*bare, got none/,
    ],
    [
      'a language that Intl does not know',
      () => ['--source-language', 'not a tag', '--target-language', 'de'],
      /not a tag/,
    ],
    ['an unknown preset', () => ['--preset', 'multi30'], /Expected a known preset, got "multi30"/],
    [
      'an unknown key',
      () => ['--set', 'decoder.unit=3'],
      /Expected a known key in --set, got "decoder\.unit"; did you mean/,
    ],
    [
      'values that do not go together',
      () => ['--share-embeddings', '--vocabulary', 'separate'],
      /Expected text\.vocabulary to be shared with model\.shareEmbeddings, got separate/,
    ],
    ['coverage without attention', () => [...files.data, '--coverage', '--attention', 'none'], /coverage/],
    ['nothing to resume', () => ['--resume'], /Expected --run to be a run to resume, got nothing there/],
  ];
  it.each(cases)('%s', async (_, args, message) => {
    const never = join(folder, 'never');
    const given = args();
    const preset = given.includes('--preset') ? [] : ['--preset', 'tiny'];
    expectRefusal(await cadenzaTranslate(['train', '--run', never, ...preset, ...cpu, '--quiet', ...given]), message);
    expect(existsSync(never)).toBe(false);
  });

  it('a run to resume with another language pair, other pairs or another network', async () => {
    const resume = (...args: string[]): Promise<CommandResult> =>
      cadenzaTranslate(['train', '--run', run, '--resume', '--quiet', ...cpu, ...args]);
    const language = await resume('--target-language', 'fr');
    expectRefusal(language, /Expected languages\.target to stay "de" in a resumed run, got "fr"/);
    const other = file('other.de', readFileSync(files.target, 'utf8').replace('Katze', 'Maus'));
    const [source, target, ...validation] = [files.source, other, ...files.data.slice(4)];
    const pairs = await resume('--source', source, '--target', target, ...validation);
    expectRefusal(pairs, /Expected the pairs that the run was started with, .*ten\.de .* got .*other\.de/);
    expectRefusal(
      await resume('--decoder-units', '64'),
      /Expected model\.decoder\.units to stay 48 in a resumed run, got 64/,
    );
  });
});

describe('the verbs that use a run refuse:', () => {
  const cases: [string, () => string[], RegExp][] = [
    ['no run', () => ['translate'], /required option '--run <folder>' not specified/],
    ['a folder that is no run', () => ['translate', '--run', folder], /got one without config\.json/],
    [
      'a run of another language pair',
      () => ['translate', '--run', run, '--target-language', 'fr'],
      /Expected a run that translates en to fr, got one of en to de/,
    ],
    [
      'files of unequal length, with both counts',
      () => ['evaluate', '--run', run, '--source-file', files.source, '--reference-file', file('two.de', 'a\nb\n')],
      /Expected as many lines in .*ten\.en as in .*two\.de, got 10 and 2/,
    ],
    [
      'a test file alone',
      () => ['evaluate', '--run', run, '--source-file', files.source],
      /Expected --reference-file beside --source-file, got none/,
    ],
    [
      'more translations than the beam is wide',
      () => ['translate', '--run', run, '--n-best', '9'],
      /Expected --n-best to be at most --beam 5, got 9/,
    ],
    [
      'more translations than are compared',
      () => ['translate', '--run', run, '--mbr', '8', '--n-best', '9'],
      /Expected --n-best to be at most --mbr 8, got 9/,
    ],
    [
      'more translations to compare than the beam is wide',
      () => ['evaluate', '--run', run, '--mbr', '8', '--beam', '7'],
      /Expected --mbr to be at most --beam 7, got 8/,
    ],
    [
      'a file of lines that is not there, before the model is read',
      () => ['translate', '--run', run, '--input', join(folder, 'no.txt')],
      /Expected a text file at .*no\.txt, found nothing there/,
    ],
    [
      'a file of references that is a folder',
      () => ['evaluate', '--run', run, '--source-file', files.source, '--reference-file', folder],
      /Expected a text file at .*, found a folder/,
    ],
    [
      'a place for the translations that cannot be written, before they are made',
      () => ['evaluate', '--run', run, '--save', join(folder, 'nowhere', 'x')],
      /Expected --save to be a file that can be written, got one in a folder that is not there: .*nowhere/,
    ],
    [
      'a page in the place of a folder',
      () => ['inspect', '--run', run, '--output', folder],
      /Expected --output to be a file that can be written, got a folder/,
    ],
    [
      'sentences to translate beside translations that are there',
      () => [
        ...['compare', '--hypotheses', files.target, '--hypotheses', files.target],
        ...['--reference-file', files.target, '--source-file', files.source],
      ],
      /Expected no --source-file with --hypotheses/,
    ],
    [
      'a line too long to score, with its file',
      () => [
        ...['score', '--run', run, '--quiet', '--source', file('long.txt', `a\n${'ab'.repeat(3000)}\n`)],
        ...['--target', file('short.txt', 'a\nb\n')],
      ],
      /Expected at most 4096 subwords in line 2 of .*long\.txt, got 6001/,
    ],
    [
      'a temperature without drawing',
      () => ['translate', '--run', run, '--temperature', '2'],
      /Expected --sample with/,
    ],
    [
      'a probability beyond 1',
      () => ['translate', '--run', run, '--sample', '--top-p', '1.5'],
      /Expected --top-p to be above 0 and at most 1, got 1\.5/,
    ],
    [
      'a negative temperature',
      () => ['translate', '--run', run, '--sample', '--temperature', '-1'],
      /Expected --temperature to be at least 0, got -1/,
    ],
    [
      'more checkpoints to average than there are',
      () => ['translate', '--run', run, '--average', '7'],
      /Expected 7 checkpoints to average, got those of/,
    ],
    [
      'two kinds of weights at once',
      () => ['translate', '--run', run, '--average', '2', '--checkpoint', 'latest'],
      /Expected either --checkpoint latest or --average, got both/,
    ],
    [
      'a beam for drawing',
      () => ['translate', '--run', run, '--sample', '--beam', '5'],
      /Expected no --beam with --sample, got 5/,
    ],
    [
      'a search for translations that are there',
      () => [
        ...['compare', '--hypotheses', files.target, '--hypotheses', files.target],
        ...['--reference-file', files.target, '--min-length', '3'],
      ],
      /Expected no --min-length with --hypotheses, which are translated already, got 3/,
    ],
    [
      'a comparison of one system',
      () => ['compare', '--run', run],
      /Expected --run twice or --hypotheses twice, got 1 and 0 of them/,
    ],
  ];
  it.each(cases)('%s', async (_, args, message) => {
    const result = await cadenzaTranslate([...args(), ...cpu, '--quiet']);
    // A checkpoint that is missing is the work's failure, anything else the call's.
    if (/checkpoints to average/.test(message.source))
      expect(result).toMatchObject({ stderr: expect.stringMatching(message) });
    else expectRefusal(result, message);
  });

  it('a run of another command', async () => {
    const other = join(folder, 'text-run');
    mkdirSync(other);
    writeFileSync(join(other, 'config.json'), JSON.stringify({ format: 'cadenza-text-generation', version: 1 }));
    expectRefusal(
      await cadenzaTranslate(['evaluate', '--run', other, '--quiet']),
      /Expected a run of cadenza-translation, version 1, got cadenza-text-generation, version 1/,
    );
  });

  it('a run without its vocabulary', async () => {
    const half = join(folder, 'half');
    mkdirSync(half);
    writeFileSync(join(half, 'config.json'), readFileSync(join(run, 'config.json')));
    expectRefusal(
      await cadenzaTranslate(['translate', '--run', half, '--quiet']),
      /Expected a vocabulary at .*half.vocabulary\.json, got nothing there$/,
    );
  });

  it('standard input that is not UTF-8, with the byte and the line', async () => {
    const input = Buffer.from([0x61, 0x0a, 0xff, 0x0a]);
    const { code, stderr } = await cadenzaTranslate(['translate', '--run', run, '--quiet', ...cpu], { input });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: Expected UTF-8 in standard input, got 0xFF at byte 2 \(line 2\)/);
  });

  it('what needs attention of a network without, and a comparison of runs between other languages', async () => {
    const other = join(folder, 'without');
    const args = ['--attention', 'none', '--source-language', 'de', '--target-language', 'en', '--max-steps', '1'];
    await cadenzaTranslate(['train', '--run', other, ...files.data, ...quick, ...cpu, '--quiet', ...args]);
    const use = (verb: string, ...more: string[]): Promise<CommandResult> =>
      cadenzaTranslate([verb, '--run', other, ...more, '--quiet', ...cpu]);
    const without = (flag: string): RegExp =>
      new RegExp(`Expected a network with attention for --${flag}, got one without: .*without$`);
    expectRefusal(await use('translate', '--alignment'), without('alignment'));
    expectRefusal(await use('evaluate', '--replace-unknown'), without('replace-unknown'));
    expectRefusal(await use('compare', '--run', other, '--coverage-penalty', '1'), without('coverage-penalty'));
    expectRefusal(
      await use('compare', '--run', run),
      /Expected a run that translates de to en, got one of en to de: .*run$/,
    );
  });

  it('runs with different vocabularies as an ensemble', async () => {
    const other = join(folder, 'other');
    const args = [...files.data, ...quick, ...cpu, '--merges', '5', '--max-steps', '1', '--quiet'];
    await cadenzaTranslate(['train', '--run', other, ...args]);
    const both = await cadenzaTranslate(['translate', '--run', `${run},${other}`, '--quiet', ...cpu]);
    expectRefusal(both, /Expected the runs of an ensemble to have one vocabulary, got those of .*run .* and .*other/);
  });
});

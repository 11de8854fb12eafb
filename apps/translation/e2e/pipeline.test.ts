import { cpSync, existsSync, linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { cadenzaTranslate, lastObject, scratchFolder, type CommandResult } from './command.js';
import { quick, sources, targets, writeTenPairs } from './tenPairs.js';

const folder = scratchFolder();
const run = join(folder, 'run');
const files = writeTenPairs(folder);
const use = ['--run', run, '--quiet'];
let trained: CommandResult;

const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('');

/** The options that name the first four pairs. */
const fourPairs = ['--data', join(folder, 'four.tsv'), '--source-language', 'en', '--target-language', 'de'];

interface Scores {
  bleu: number;
  bleu_signature: string;
  chrf: number;
  chrf_signature: string;
  ter: number;
  sentences: number;
  seconds: number;
}

beforeAll(async () => {
  writeFileSync(fourPairs[1], lines(sources.slice(0, 4).map((source, index) => `${source}\t${targets[index]}`)));
  const more = ['--set', 'keepCheckpoints=3', '--merge-dropout', '0.1'];
  trained = await cadenzaTranslate(['train', '--run', run, '--json', ...files.data, ...quick, ...more]);
  expect(trained.stderr).not.toContain('error');
  expect(trained.code).toBe(0);
});

describe('train', () => {
  it('ends with the object that scripts rely on, and writes nothing else to standard output', () => {
    expect(trained.stdout.trimEnd().split('\n')).toHaveLength(1);
    const result = lastObject(trained);
    expect(result).toMatchObject({ run, steps: 60, precision: 'f32', best: { bleu: expect.closeTo(100, 9) } });
    const names = [
      'run',
      'steps',
      'epochs',
      'seconds',
      'tokens_per_second',
      'best',
      'backend',
      'precision',
      'parameters',
    ];
    expect(Object.keys(result)).toEqual(expect.arrayContaining(names));
  });

  it('tells people about the data, its progress and a translation on standard error', () => {
    expect(trained.stderr).toMatch(/en to de: 10 pairs to learn from \(none dropped\), 10 to validate on/);
    expect(trained.stderr).toMatch(/step 20: validation BLEU \d+\.\d+, \d\.\d+ nats a token, the best so far/);
    expect(trained.stderr).toMatch(/ {4}→ .*\n {4}= /);
    expect(trained.stderr).toMatch(/part +BLEU +chrF +TER +sentences\nvalidation +100\.00/);
  });

  it('cuts words by common rules where no language is told, and says so', async () => {
    const [source, target] = [join(folder, 'here.txt'), join(folder, 'there.txt')];
    writeFileSync(source, lines(sources));
    writeFileSync(target, lines(targets));
    const result = await cadenzaTranslate([
      ...['train', '--run', join(folder, 'languages'), '--source', source, '--target', target, ...quick],
      ...[
        '--validation-source',
        source,
        '--validation-target',
        target,
        '--tokenization',
        'word',
        '--target-language',
        'de',
        '--max-steps',
        '1',
      ],
    ]);
    expect(result.code).toBe(0);
    const told =
      'No language is known for the source: words are cut as most languages have it; name it by --source-language\n';
    expect(result.stderr).toContain(told);
    expect(result.stderr).toMatch(/\nund to de: 10 pairs to learn from .*; 1 step\n/s);
  });

  it('leaves a run folder with everything in it', () => {
    const names = readdirSync(run).sort();
    const wanted = ['checkpoints', 'config.json', 'metrics.jsonl', 'report.html', 'vocabulary.json'];
    expect(names).toEqual(expect.arrayContaining(wanted));
    expect(names).not.toContain('run.lock');
    const config = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ languages: { source: 'en', target: 'de' }, data: { pairs: 10, trained: 10 } });
    const page = readFileSync(join(run, 'report.html'), 'utf8');
    expect(page).toContain('Validation bleu');
    expect(page).not.toMatch(/(src|href)="https?:/);
  });
});

describe('train --resume', () => {
  it('takes a finished run further, warns where no learning rate is left, and keeps its new end', async () => {
    const longer = join(folder, 'longer');
    cpSync(run, longer, { recursive: true });
    const resume = (...args: string[]) =>
      cadenzaTranslate(['train', '--run', longer, '--resume', '--json', '--quiet', ...args]);
    const warned = await resume('--max-steps', '62');
    expect([warned.code, warned.stderr]).toEqual([
      0,
      'The learning rate is 0 in steps 61 to 62: the cosine ends at step 60; ' +
        '--set training.schedule.steps=62 lets it end with the run\n',
    ]);
    expect(lastObject(await resume('--max-steps', '64', '--set', 'schedule.steps=64'))).toMatchObject({ steps: 64 });
    expect(JSON.parse(readFileSync(join(longer, 'config.json'), 'utf8'))).toMatchObject({
      config: { training: { maxSteps: 64, schedule: { steps: 64 } } },
      data: { pairs: 10 },
    });
  });
});

describe('train --from', () => {
  it('begins where another run ended, with its vocabulary and network, and tells so in the run', async () => {
    const next = join(folder, 'next');
    const more = ['--set', 'dropout.output=0.1', '--consistency', '1', '--learning-rate', '0.0001', '--max-steps', '1'];
    const { code, stdout } = await cadenzaTranslate([
      ...['train', '--from', run, '--run', next, '--json', ...files.data, ...more],
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout.trimEnd())).toMatchObject({
      steps: 1,
      evaluation: { validation: { bleu: expect.closeTo(100, 9) } },
    });
    const description = JSON.parse(readFileSync(join(next, 'config.json'), 'utf8'));
    expect(description).toMatchObject({ from: { run }, config: { text: { merges: 60 } } });

    // As a kill before the first checkpoint leaves it: it begins there again.
    rmSync(join(next, 'checkpoints'), { recursive: true });
    const resume = ['train', '--run', next, '--resume', '--json'];
    expect(lastObject(await cadenzaTranslate(resume))).toMatchObject({
      steps: 1,
      evaluation: { validation: { bleu: expect.closeTo(100, 9) } },
    });
    rmSync(join(next, 'checkpoints'), { recursive: true });
    writeFileSync(join(next, 'config.json'), JSON.stringify({ ...description, from: { run, step: 999 } }));
    const lost = await cadenzaTranslate(resume);
    expect(lost.stderr).toMatch(/Expected a checkpoint of step 999 in .*; the run began with it, start a new run/);
    expect(lost.code).toBe(2);
  });

  it('refuses another network or other subwords, and a run that is resumed', async () => {
    const refused = async (...args: string[]) =>
      (await cadenzaTranslate(['train', '--from', run, ...files.data, ...args])).stderr;
    const other = ['--run', join(folder, 'other')];
    expect(await refused(...other, '--merges', '61')).toMatch(
      /Expected text\.merges to be 60 as in the run to begin from/,
    );
    expect(await refused(...other, '--layer-norm')).toMatch(/Expected model\.layerNorm to be false as in the run/);
    expect(await refused('--run', run, '--resume')).toMatch(/Expected --from at the start of a run only/);
  });
});

describe('train --vocabulary-of', () => {
  it('learns other pairs in the subwords of a run, so that both translate together', async () => {
    const next = join(folder, 'lent');
    const args = ['--run', next, ...fourPairs, ...quick, '--set', 'text.validationPairs=1', '--max-steps', '1'];
    expect(await cadenzaTranslate(['train', '--vocabulary-of', run, ...args])).toMatchObject({ code: 0 });
    const [own, lent] = [run, next].map((path) => readFileSync(join(path, 'vocabulary.json'), 'utf8'));
    expect(lent).toBe(own);
    const together = await cadenzaTranslate(['translate', '--run', `${run},${next}`], { input: lines(sources) });
    expect(together.code).toBe(0);
    expect(together.stdout.trimEnd().split('\n')).toHaveLength(sources.length);
  });

  it('refuses other subwords, other languages, --from beside it, and a run that is resumed', async () => {
    const refused = async (...args: string[]) =>
      (await cadenzaTranslate(['train', '--vocabulary-of', run, ...files.data, ...args])).stderr;
    const other = ['--run', join(folder, 'other'), ...quick];
    expect(await refused(...other, '--merges', '61')).toMatch(
      /Expected text\.merges to be 60 as in the run of the vocabulary, got 61: /,
    );
    expect(await refused(...other, '--target-language', 'fr')).toMatch(/Expected a run that translates en to fr/);
    expect(await refused(...other, '--from', run)).toMatch(/Expected either --from, .* or --vocabulary-of, got both/);
    expect(await refused('--run', run, '--resume')).toMatch(/Expected --vocabulary-of at the start of a run only/);
    expect(existsSync(join(folder, 'other'))).toBe(false);
  });
});

describe('train --teacher', () => {
  const student = join(folder, 'student');
  const steps = (count: number): string[] => ['--max-steps', String(count), '--set', `schedule.steps=${count}`];

  it('learns what trained runs say too, with their vocabulary, and goes on with the same ones', async () => {
    const more = ['--distillation', '0.9', '--encoder-units', '12', ...steps(4)];
    const args = ['--run', student, '--json', ...files.data, ...quick, ...more];
    const taught = await cadenzaTranslate(['train', '--teacher', `${run},${run}`, ...args]);
    expect(taught).toMatchObject({ code: 0 });
    expect(lastObject(taught)).toMatchObject({ steps: 4 });
    const description = JSON.parse(readFileSync(join(student, 'config.json'), 'utf8'));
    expect(description).toMatchObject({ config: { training: { distillation: 0.9 } }, teachers: [{ run }, { run }] });
    const [own, lent] = [run, student].map((path) => readFileSync(join(path, 'vocabulary.json'), 'utf8'));
    expect(lent).toBe(own);

    const resume = ['train', '--run', student, '--resume', '--json', '--quiet'];
    expect(lastObject(await cadenzaTranslate([...resume, ...steps(6)]))).toMatchObject({ steps: 6 });
    const [teacher] = description.teachers;
    for (const [teachers, said] of [
      [[{ run, step: 999 }], 'a checkpoint of step 999 in .*, got .*'],
      [[{ ...teacher, weights: '0'.repeat(64) }], 'step \\d+ of .* to have the weights that it had, got others'],
    ] as const) {
      writeFileSync(join(student, 'config.json'), JSON.stringify({ ...description, teachers }));
      const lost = await cadenzaTranslate([...resume, ...steps(8)]);
      expect(lost.stderr).toMatch(new RegExp(`Expected ${said}; the run is taught by it, start a new run\n$`));
      expect(lost.code).toBe(2);
    }
  });

  it('refuses another vocabulary, other languages, a share without teachers, and a run that is resumed', async () => {
    const refused = async (...args: string[]) => (await cadenzaTranslate(['train', ...files.data, ...args])).stderr;
    const other = ['--run', join(folder, 'other'), ...quick];
    const few = join(folder, 'few');
    const args = ['--run', few, ...fourPairs, ...quick, '--set', 'text.validationPairs=1', '--max-steps', '1'];
    expect(await cadenzaTranslate(['train', ...args])).toMatchObject({ code: 0 });
    expect(await refused(...other, '--teacher', `${run},${few}`)).toMatch(
      /Expected a teacher to have the vocabulary of \d+ that is trained, got one of \d+ target subwords: .*few\n$/,
    );
    expect(await refused(...other, '--teacher', run, '--target-language', 'fr')).toMatch(
      /Expected a run that translates en to fr/,
    );
    expect(await refused(...other, '--teacher', ',')).toMatch(/Expected --teacher to be a run folder, got ","/);
    expect(await refused(...other, '--distillation', '0.5')).toMatch(
      /Expected --teacher with training\.distillation 0\.5, got none/,
    );
    expect(await refused(...other, '--merge-dropout', '0.1', '--teacher-readings', '2')).toMatch(
      /Expected --teacher with training\.teacherReadings 2, got none/,
    );
    expect(await refused(...other, '--teacher', run, '--teacher-readings', '2', '--merge-dropout', '0')).toMatch(
      /Expected text\.mergeDropout above 0 with training\.teacherReadings 2, got 0: nothing else makes two readings differ/,
    );
    expect(await refused('--run', run, '--resume', '--teacher', run)).toMatch(
      /Expected --teacher at the start of a run only, got it with --resume/,
    );
    expect(existsSync(join(folder, 'other'))).toBe(false);
  });
});

describe('translate', () => {
  it('gives the pairs it learned back, line by line, with empty lines at their places', async () => {
    const input = `\n${lines(sources)}   \n`;
    const { stdout, stderr, code } = await cadenzaTranslate(['translate', ...use], { input });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`\n${lines(targets)}\n`);
  });

  it('writes several translations of each line as Moses does, the best first', async () => {
    const { stdout } = await cadenzaTranslate(['translate', ...use, '--n-best', '3'], {
      input: lines(sources.slice(0, 2)),
    });
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((row) => row.split(' ||| '));
    expect(rows.map(([number]) => number)).toEqual(['0', '0', '0', '1', '1', '1']);
    expect([rows[0][1], rows[3][1]]).toEqual(targets.slice(0, 2));
    expect(Number(rows[0][2])).toBeGreaterThan(Number(rows[1][2]));
  });

  it('adds scores and alignments after tabs, hard or soft', async () => {
    const input = lines(sources.slice(1, 2));
    const hard = await cadenzaTranslate(['translate', ...use, '--scores', '--alignment'], { input });
    expect(hard.stdout).toMatch(/^ein Hund bellt\t-\d\.\d{4}\t[0-2]-0 [0-2]-1 [0-2]-2\n$/);
    const soft = await cadenzaTranslate(['translate', ...use, '--alignment', 'soft'], { input });
    expect(soft.stdout).toMatch(/^ein Hund bellt\t(\d-\d:[01]\.\d\d ?)+\n$/);
  });

  it('translates a document sentence by sentence and keeps what stands between', async () => {
    const sentences = [sources[5], sources[9]].map((text) => text[0].toUpperCase() + text.slice(1));
    const { stdout } = await cadenzaTranslate(['translate', ...use, '--document'], {
      input: `  ${sentences.join('  ')}.\n`,
    });
    expect(stdout).toMatch(/^ {2}\S.*\S {2}\S.*\n$/);
  });

  it('keeps the tabs of a document apart from those between columns', async () => {
    const input = `${sources[5]} \t ${sources[9]}.\tThe end.\n`;
    const plain = await cadenzaTranslate(['translate', ...use, '--document'], { input });
    expect(plain.stdout.split('\t')).toHaveLength(3);
    const scored = await cadenzaTranslate(['translate', ...use, '--document', '--scores'], { input });
    expect(scored.stdout).toMatch(/^[^\t]*\t-\d+\.\d{4}\n$/);
  });

  it('draws the same translations again for the same seed', async () => {
    const draw = (seed: string): Promise<CommandResult> =>
      cadenzaTranslate(['translate', ...use, '--sample', '--temperature', '3', '--seed', seed, '--n-best', '4'], {
        input: lines(sources),
      });
    const [first, again, other] = [await draw('5'), await draw('5'), await draw('6')];
    expect(again.stdout).toBe(first.stdout);
    expect(other.stdout).not.toBe(first.stdout);
    expect(first.stdout.split('\n')).toHaveLength(41);
  });

  it('translates text of any kind: 100,000 characters without a space, controls, emoji, right to left, unknown scripts', async () => {
    const odd = [
      'x'.repeat(100_000),
      'the cat \u0000\u0007\u001b[31m',
      '😀👩‍👩‍👧',
      'שלום مرحبا',
      '漢字 ไทย',
      '\ufffe\u2028',
    ];
    const { stdout, stderr, code } = await cadenzaTranslate(
      ['translate', ...use, '--beam', '1', '--max-length', '8', '--replace-unknown', '--json'],
      { input: lines(odd) },
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toHaveLength(odd.length + 2);
    expect(lastObject({ stdout, stderr, code })).toMatchObject({ lines: odd.length, run });
  });

  it('translates a line that is typed before more of them come', async () => {
    let answered = false;
    const { code } = await cadenzaTranslate(['translate', ...use], {
      keepOpen: true,
      onStart: (child) => {
        child.stdin!.write(`${sources[0]}\n`);
        child.stdout!.once('data', (text: string) => {
          answered = text === `${targets[0]}\n`;
          child.stdin!.end();
        });
      },
    });
    expect([code, answered]).toEqual([0, true]);
  });
});

describe('evaluate', () => {
  it('measures the files that are named, and saves the translations', async () => {
    const saved = join(folder, 'saved.de');
    const earlier = join(folder, 'earlier.de');
    writeFileSync(saved, 'earlier');
    linkSync(saved, earlier); // whoever has the earlier file open keeps it whole
    const args = [
      '--source-file',
      files.source,
      '--reference-file',
      files.target,
      '--save',
      saved,
      '--tokenize',
      'none',
    ];
    const scores = lastObject<Scores>(await cadenzaTranslate(['evaluate', ...use, '--json', ...args]));
    expect(scores).toMatchObject({
      bleu: expect.closeTo(100, 9),
      chrf: 100,
      ter: 0,
      sentences: 10,
      seconds: expect.any(Number),
    });
    expect(readFileSync(earlier, 'utf8')).toBe('earlier');
    expect(scores.bleu_signature).toContain('tok:none');
    expect(readFileSync(saved, 'utf8')).toBe(lines(targets));
  });

  it('takes the run’s validation part where none are named, and several runs as an ensemble', async () => {
    const { stdout } = await cadenzaTranslate(['evaluate', '--run', `${run},${run}`, '--quiet']);
    expect(stdout).toMatch(/^part +BLEU +chrF +TER +sentences\nall +100\.00 +100\.00 +0\.00 +10\n$/);
  });
});

describe('score', () => {
  it('gives each pair its log-probability, and a true translation a higher one than a false one', async () => {
    const wrong = join(folder, 'wrong.de');
    writeFileSync(wrong, gzipSync(lines([...targets.slice(1), targets[0]])));
    const score = async (target: string): Promise<Record<string, number>[]> => {
      const { stdout } = await cadenzaTranslate([
        'score',
        ...use,
        '--json',
        '--source',
        files.source,
        '--target',
        target,
      ]);
      return stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    };
    const [right, false_] = [await score(files.target), await score(wrong)];
    expect(right).toHaveLength(11);
    right.slice(0, 10).forEach((pair, index) => {
      expect(pair.log_probability).toBeGreaterThan(false_[index].log_probability);
    });
    const nats = right.slice(0, 10).reduce((sum, pair) => sum - pair.log_probability, 0);
    expect(right[10].nats).toBeCloseTo(nats, 9);
  });
});

describe('average', () => {
  it('makes a run of the mean of the last checkpoints, which is used like one but not resumed', async () => {
    const averaged = join(folder, 'averaged');
    const made = await cadenzaTranslate(['average', ...use, '--last', '2', '--output', averaged]);
    expect(made).toMatchObject({ code: 0, stdout: `${averaged}\n` });
    const input = lines(sources);
    const from = async (...args: string[]): Promise<string> =>
      (await cadenzaTranslate(['translate', '--scores', '--quiet', ...args], { input })).stdout;
    expect(await from('--run', averaged)).toBe(await from('--run', run, '--average', '2'));
    const resumed = await cadenzaTranslate(['train', '--run', averaged, '--resume']);
    expect(resumed.code).toBe(2);
    expect(resumed.stderr).toMatch(/got averaged weights, which have no state of the training/);
  });
});

describe('compare', () => {
  it('measures two files of translations by paired bootstrap', async () => {
    const worse = join(folder, 'worse.de');
    writeFileSync(worse, lines(targets.map((text) => text.split(' ').slice(0, -1).join(' '))));
    const args = ['--hypotheses', files.target, '--hypotheses', worse, '--reference-file', files.target];
    const result = lastObject<Record<string, { difference: number; pValue: number; a: { score: number } }>>(
      await cadenzaTranslate(['compare', '--quiet', '--json', '--samples', '200', ...args]),
    );
    expect(result.chrf.a.score).toBe(100);
    expect(result.chrf.difference).toBeLessThan(-5);
    expect(result.ter.difference).toBeGreaterThan(5);
  });

  it('compares two runs on the same sentences', async () => {
    const { stdout } = await cadenzaTranslate(['compare', '--quiet', '--run', run, '--run', run, '--samples', '50']);
    expect(stdout).toMatch(/bleu +100\.00 ± 0\.00 +100\.00 ± 0\.00 +\+0\.00 /);
  });
});

describe('inspect', () => {
  it('writes a page that needs no network and prints only its path', async () => {
    const { stdout, code } = await cadenzaTranslate(['inspect', ...use, '--text', 'the dog <b>']);
    expect([code, stdout]).toEqual([0, `${join(run, 'inspect.html')}\n`]);
    const page = readFileSync(join(run, 'inspect.html'), 'utf8');
    expect(page).toContain('the dog &lt;b&gt;');
    expect(page).toContain('The least certain');
    expect(page).not.toMatch(/(src|href)="https?:/);
  });
});

describe('the embedded data', () => {
  it('is used where no pairs are named, and its test part evaluated by what is new in it', async () => {
    const phrases = join(folder, 'phrases');
    const small = ['--set', 'embeddedPairs=300', '--set', 'embeddedHeldOut=20', '--merges', '100', '--max-steps', '4'];
    const languages = ['--source-language', 'en', '--target-language', 'de'];
    const made = await cadenzaTranslate([
      'train',
      '--run',
      phrases,
      '--preset',
      'tiny',
      ...small,
      ...languages,
      '--quiet',
    ]);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(join(phrases, 'report.html'))).toBe(true);
    const args = ['evaluate', '--run', phrases, '--json', '--quiet', '--beam', '1', '--max-length', '10'];
    const scores = lastObject<{ parts: Record<string, Scores> } & Scores>(await cadenzaTranslate(args));
    expect(scores.sentences).toBe(20);
    expect(Object.keys(scores.parts)).toEqual(['unseen values', 'unseen templates']);
    expect(scores.parts['unseen values'].sentences).toBe(10);
  });
});

describe('a folder of files', () => {
  it('is read by the names of its files, compressed ones too', async () => {
    writeFileSync(join(folder, 'train.en.gz'), gzipSync(lines(sources)));
    writeFileSync(join(folder, 'train.de'), lines(targets));
    writeFileSync(join(folder, 'val.en'), lines(sources.slice(5)));
    writeFileSync(join(folder, 'val.de.gz'), gzipSync(lines(targets.slice(5))));
    const args = ['--data', folder, '--source-language', 'de', '--target-language', 'en', ...quick, '--max-steps', '2'];
    const { stderr } = await cadenzaTranslate(['train', '--run', join(folder, 'reversed'), ...args]);
    expect(stderr).toMatch(/de to en: 10 pairs to learn from .*, 5 to validate on/);
  });
});

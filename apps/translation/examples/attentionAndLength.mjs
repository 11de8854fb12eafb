/**
 * What attention is for: the same model with it and without it, measured by the length of the sentences. Without attention, the
 * whole sentence must fit into the states that the encoder hands over (Bahdanau, Cho and Bengio 2015, figure 2).
 *
 *     node apps/translation/examples/attentionAndLength.mjs --source train.en --target train.de \
 *       --validation-source val.en --validation-target val.de --test-source test.en --test-reference test.de
 *
 * Trains two runs through the command, translates the test sentences greedily, and writes BLEU of sentences of like length as a page
 * and as JSON, `attention-and-length.html` and `.json`, into the folder of `--out`. Called again, it goes on where it was stopped.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { htmlPage, lineChart } from '@cadenza/cli';
import { bleu } from '@cadenza/core';

const file = { type: /** @type {const} */ ('string') };
const { values } = parseArgs({
  options: {
    ...{ source: file, target: file, 'validation-source': file, 'validation-target': file },
    ...{ 'test-source': file, 'test-reference': file },
    /** How BLEU cuts sentences into words. */
    tokenize: { type: 'string', default: '13a' },
    epochs: { type: 'string', default: '6' },
    groups: { type: 'string', default: '6' },
    threads: { type: 'string', default: '2' },
    out: { type: 'string', default: 'runs/attention-and-length' },
  },
});
const files = /** @type {const} */ ([
  ...['source', 'target', 'validation-source', 'validation-target', 'test-source', 'test-reference'],
]);
for (const name of files) {
  if (values[/** @type {'source'} */ (name)] !== undefined) continue;
  console.error(`error: Expected --${name} to name a file, got none`);
  process.exit(2);
}
const tokenize = /** @type {'none'} */ (values.tokenize);
const command = fileURLToPath(new URL('../bin/cadenza-translate.js', import.meta.url));
mkdirSync(values.out, { recursive: true });

/** @param {string} path */
const linesOf = (path) => readFileSync(path, 'utf8').trimEnd().split('\n');
/** @param {string[]} args */
const cadenza = (...args) =>
  execFileSync(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

/**
 * The translations of the test sentences by a model that was trained with such an attention.
 *
 * @param {string} attention
 */
function translationsWith(attention) {
  const run = join(values.out, attention);
  const sizes = [
    '--embedding',
    '128',
    '--encoder-units',
    '128',
    '--decoder-units',
    '256',
    '--decoder-layers',
    '1',
    '--tie',
  ];
  const training = ['training.batchPairs=32', 'training.learningRate=0.002', 'training.ema=0.998'];
  const dropout = ['input', 'context', 'output'].map((name) => `model.dropout.${name}=0.2`);
  const given = files.slice(0, 4).flatMap((name) => [`--${name}`, String(values[/** @type {'source'} */ (name)])]);
  const settings = [
    ...training,
    ...dropout,
    `training.epochs=${values.epochs}`,
    'training.maxSteps=null',
    'training.maxMinutes=null',
  ];
  const learning = [...sizes, '--attention', attention, '--merges', '6000', '--vocabulary', 'separate'];
  cadenza(
    ...['train', ...given, '--run', run, '--threads', values.threads, ...learning],
    ...settings.flatMap((setting) => ['--set', setting]),
    ...(existsSync(join(run, 'config.json')) ? ['--resume'] : []),
  );
  const translated = cadenza('translate', '--run', run, '--beam', '1', '--input', String(values['test-source']));
  return translated.toString('utf8').trimEnd().split('\n');
}

const sources = linesOf(String(values['test-source']));
const references = linesOf(String(values['test-reference']));
const systems = { attention: translationsWith('multiplicative'), without: translationsWith('none') };
const lengths = sources.map((line) => line.split(/\s+/).length);
const order = Array.from(sources.keys()).sort((a, b) => lengths[a] - lengths[b]);
const size = Math.ceil(order.length / Number(values.groups));
const groups = Array.from({ length: Number(values.groups) }, (_, index) => {
  const members = order.slice(index * size, (index + 1) * size);
  /** @param {string[]} lines */
  const score = (lines) =>
    bleu(
      members.map((member) => lines[member]),
      members.map((member) => references[member]),
      { tokenize },
    ).score;
  return {
    sentences: members.length,
    words: members.reduce((sum, member) => sum + lengths[member], 0) / members.length,
    attention: score(systems.attention),
    without: score(systems.without),
  };
});
const whole = {
  attention: bleu(systems.attention, references, { tokenize }).score,
  without: bleu(systems.without, references, { tokenize }).score,
};
writeFileSync(join(values.out, 'attention-and-length.json'), `${JSON.stringify({ whole, groups }, null, 2)}\n`);
const chart = lineChart({
  title: 'BLEU by the length of the source sentence',
  xLabel: 'words of the source sentence, mean of the group',
  yLabel: 'BLEU',
  yFromZero: true,
  series: [
    {
      name: `with attention (${whole.attention.toFixed(1)} on all)`,
      points: groups.map(({ words, attention }) => [words, attention]),
    },
    {
      name: `without (${whole.without.toFixed(1)} on all)`,
      points: groups.map(({ words, without }) => [words, without]),
    },
  ],
});
const subtitle = `${sources.length} unseen sentences in ${groups.length} groups of like length; the two models differ in nothing else`;
const page = htmlPage({ title: 'What attention is for', subtitle, sections: [{ body: chart, plain: true }] });
const path = join(values.out, 'attention-and-length.html');
writeFileSync(path, page);
console.log(path);

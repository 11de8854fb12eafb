import {
  addVerb,
  choice,
  createProgress,
  formatTable,
  positiveInteger,
  repeated,
  type ActionContext,
  type CommonOptions,
} from '@cadenza/cli';
import { InputError } from '@cadenza/core';
import type { Command } from 'commander';
import { readManifestFile, type Recording } from '../corpora.js';
import { dataRequest, readRequest } from '../dataRequest.js';
import { countsOf, scoreHeader, scoreRow, scoreTranscripts } from '../evaluate.js';
import { Recognizer } from '../recognizer.js';
import { openRun, type SavedRun } from '../run.js';
import { SoundLoader } from '../utterances.js';
import { startBackend } from './backend.js';
import { readSphinxFeatures } from '@cadenza/audio';

interface EvaluateOptions extends CommonOptions {
  run: string;
  checkpoint: 'best' | 'latest';
  manifest?: string;
  data?: string;
  part?: 'train' | 'validation' | 'test';
  speaker?: string[];
  beam?: number;
  greedy?: boolean;
}

export function addEvaluateVerb(program: Command): void {
  addVerb<EvaluateOptions>(program, 'evaluate', 'measure transcripts of unseen recordings', evaluateCommand, (verb) => {
    verb
      .requiredOption('--run <folder>', 'the run of the model')
      .addOption(choice('--checkpoint <name>', 'of the run', ['best', 'latest']).default('best'))
      .option('--manifest <file>', 'recordings with what is said in them')
      .option('--data <path>', 'a folder of recordings (default: what the run was trained on)')
      .addOption(choice('--part <name>', 'of the folder (default: test)', ['train', 'validation', 'test']))
      .option('--speaker <name>', 'measure on a speaker only, repeatable', repeated)
      .option('--beam <number>', 'hypotheses followed at once', positiveInteger)
      .option('--greedy', 'the likeliest symbol of each frame, without a language model');
  });
}

async function evaluateCommand(options: EvaluateOptions, { output, signal }: ActionContext): Promise<void> {
  const run = openRun(options.run, { checkpoint: options.checkpoint, onWarning: output.warn });
  output.say(`${run.directory}, step ${run.step} (${options.checkpoint})`);
  const recordings = await recordingsOf(options, run);
  await startBackend(options, output, run.config);
  const recognizer = new Recognizer(run);
  const progress = createProgress(output, { label: 'transcribe', total: recordings.length });
  try {
    const loader = new SoundLoader(run.config.features.sampleRate);
    const started = performance.now();
    const frames = [];
    let seconds = 0;
    for (const recording of recordings) {
      signal.throwIfAborted();
      if (recording.featurePath !== undefined) {
        frames.push(await readSphinxFeatures(recording.featurePath, { dimension: run.pipeline.frameDimension }));
      } else frames.push(run.pipeline.extract(await loader.load(recording)));
      seconds += frames[frames.length - 1].frames * run.pipeline.frameSeconds;
    }
    const transcripts = await recognizer.transcribeFrames(frames, {
      ...{ signal, beam: options.beam, method: options.greedy ? 'greedy' : undefined },
      onProgress: (done) => progress.update(done),
    });
    const elapsed = (performance.now() - started) / 1000;
    const result = scoreTranscripts(
      recordings.map(({ text = '' }) => run.symbols.clean(text)),
      transcripts.map(({ text }) => text),
    );
    if (!output.json) output.write(`${formatTable(scoreHeader, [scoreRow('all', result)])}\n`);
    output.object({
      ...countsOf(result),
      real_time_factor: elapsed / seconds,
      seconds: elapsed,
      run: run.directory,
      step: run.step,
    });
  } finally {
    progress.stop();
    recognizer.dispose();
  }
}

async function recordingsOf(options: EvaluateOptions, run: SavedRun): Promise<Recording[]> {
  const { manifest, data, part = 'test', speaker } = options;
  const all =
    manifest !== undefined
      ? await readManifestFile(manifest)
      : (await readRequest(dataRequest({ data }) ?? { source: run.description.data.source }))[part];
  const found = (all ?? []).filter((recording) => speaker === undefined || speaker.includes(recording.speaker ?? ''));
  if (found.length > 0) return found;
  throw new InputError(
    `Expected recordings to measure on, got none${speaker ? ` of ${speaker.join(', ')}` : ''}; name a --manifest or --data`,
  );
}

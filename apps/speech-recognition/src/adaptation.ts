import { specAugment, type FeatureMatrix } from '@cadenza/audio';
import { Random, Trainer, type AcousticModel, type BatchSource } from '@cadenza/core';
import { scoreVocalTracts, type Heard, type ScoringOptions } from './acoustics.js';
import { classifiedTensors, featureRows, type FeatureRows } from './batches.js';
import type { Config } from './config.js';
import { fromAllOver } from './corpora.js';
import type { FeaturePipeline } from './features.js';

/** How a model adapts, see the configuration. */
export type AdaptationSettings = Config['decoding']['adaptation'];

/** Recordings of a step: as the preset `fsdd` trains. */
const BATCH_RECORDINGS = 32;
/** Of more recordings, so many are learned from, evenly spread: more cost time and tell little more of a voice. */
const MOST_RECORDINGS = 2000;

/** What a model has to go by when it adapts. Progress is of what is done together: labelling once more is the rest of it. */
export interface AdaptationOptions extends ScoringOptions {
  settings: AdaptationSettings;
  factors: readonly number[];
  seed: number;
}

/** Whether there is enough to hear that a model should adapt to it. */
export function isWorthAdapting(recordings: readonly Heard[], settings: AdaptationSettings): boolean {
  return settings.rounds > 0 && recordings.filter(({ frames }) => frames.frames > 0).length >= settings.least;
}

/**
 * Changes a model of labels by what it hears in recordings of which nobody says what they are: it labels them, learns from those labels that
 * it is surest of, and labels them anew, some times (self-training: Scudder 1965; Lee 2013, "Pseudo-Label"). What it learns from it hears
 * under noise, in part, with its dropout, as of any of the vocal tracts: what it hears well shall teach it to hear what it does
 * not (Xie et al. 2020, "noisy student"; Park et al. 2020 for speech). Of each label the surest part is taken, by the distance to the second likeliest: a label that an
 * unknown voice makes unsure would be unlearned otherwise (Zou et al. 2018, section 3.2). The same recordings, settings and seed
 * give the same model.
 */
export async function adaptToRecordings(
  model: AcousticModel,
  pipeline: FeaturePipeline,
  recordings: readonly Heard[],
  { settings, factors, seed, signal, onProgress }: AdaptationOptions,
): Promise<void> {
  const heard = fromAllOver(
    recordings.filter(({ frames }) => frames.frames > 0),
    MOST_RECORDINGS,
  );
  const random = new Random(seed);
  const draws = random.fork('recordings');
  const source = new AdaptationBatches(settings, draws, async (round) => {
    onProgress?.(Math.floor((recordings.length * round) / (settings.rounds + 1)));
    const scores = await scoreVocalTracts(model, pipeline, heard, { factors, signal });
    return surest(scores as Float32Array[], settings.part).map(({ index, label }) => () => {
      const { frames, voice } = heard[index];
      const features = pipeline.finish(frames, voice, factors[draws.integer(factors.length)]);
      return { features: disturb(features, draws, settings), labels: Int32Array.of(label + 1) };
    });
  });
  const trainer = new Trainer<FeatureRows>({
    parameters: model.parameters,
    loss: ({ rows }, _, context) => ({ loss: model.classificationLoss(classifiedTensors(rows), context).loss }),
    source,
    random: random.fork('training'),
    optimizer: { name: 'adam' },
    schedule: { name: 'constant', learningRate: settings.learningRate },
    signal,
  });
  try {
    await trainer.train();
  } finally {
    trainer.dispose();
  }
  signal?.throwIfAborted();
}

/**
 * Of each label that is heard, the recordings in which it is surest: such a part of them, rounded up. Nothing is learned of recordings whose
 * scores are not finite.
 */
export function surest(scores: readonly Float32Array[], part: number): { index: number; label: number }[] {
  const heard = scores.flatMap((values, index) => {
    if (!values.every(Number.isFinite)) return [];
    const [first, second] = Array.from(values.keys()).sort((a, b) => values[b] - values[a]);
    return [{ index, label: first, distance: values[first] - (second === undefined ? 0 : values[second]) }];
  });
  const labels = [...new Set(heard.map(({ label }) => label))].sort((a, b) => a - b);
  return labels.flatMap((label) => {
    const own = heard.filter((one) => one.label === label).sort((a, b) => b.distance - a.distance);
    return own.slice(0, Math.ceil(part * own.length)).map(({ index }) => ({ index, label }));
  });
}

/** A recording as it is learned from: stretches of it are the mean (Park et al. 2019), and noise is upon all of it. */
function disturb(features: FeatureMatrix, random: Random, { mask, noise }: AdaptationSettings): FeatureMatrix {
  const { frames } = features;
  const masks = { timeMasks: 2, timeWidth: frames, timePart: mask, frequencyMasks: 0, fill: 0 };
  const masked = specAugment(features, random, masks);
  return { ...masked, values: masked.values.map((value) => value + noise * random.normal()) };
}

/** Batches round by round: the recordings of a round are chosen when it begins. */
class AdaptationBatches implements BatchSource<FeatureRows> {
  private round = 0;
  private queue: (() => FeatureRows)[] = [];

  constructor(
    private readonly settings: AdaptationSettings,
    private readonly random: Random,
    private readonly choose: (round: number) => Promise<(() => FeatureRows['rows'][number])[]>,
  ) {}

  async next(): Promise<FeatureRows | null> {
    while (this.queue.length === 0) {
      if (this.round === this.settings.rounds) return null;
      const chosen = await this.choose(this.round++);
      this.queue = Array.from({ length: this.settings.epochs }, () => this.random.shuffle([...chosen])).flatMap(
        (order) => batchesOf(order).map((batch) => () => featureRows(batch.map((realize) => realize()))),
      );
    }
    return this.queue.shift()!();
  }

  /** Nothing goes on from here another time. */
  state(): null {
    return null;
  }

  restore(): void {}
}

function batchesOf<T>(rows: readonly T[]): T[][] {
  const count = Math.ceil(rows.length / BATCH_RECORDINGS);
  return Array.from({ length: count }, (_, batch) =>
    rows.slice(batch * BATCH_RECORDINGS, (batch + 1) * BATCH_RECORDINGS),
  );
}

import { FrameStacker, type FeatureMatrix, type FeatureStream, type RunningNormalizer } from '@cadenza/audio';
import type { FeaturePipeline } from '../features.js';

/**
 * The way of {@link FeaturePipeline} from sound to what the network reads, for sound that arrives in pieces: frames, their
 * normalisation, stacks of them. What comes back, joined, is what the pipeline makes of the whole.
 */
export class FeatureChain {
  private readonly extractor: FeatureStream;
  private readonly running?: RunningNormalizer;
  private readonly stacker: FrameStacker;

  /** @param pipeline without differences, and normalised by the frames so far, by the training part, or not at all */
  constructor(private readonly pipeline: FeaturePipeline) {
    const { normalization, stack, stride } = pipeline.config;
    this.extractor = pipeline.extractStream();
    this.running = normalization === 'running' ? pipeline.runningNormalizer() : undefined;
    this.stacker = new FrameStacker(pipeline.frameDimension, { size: stack, stride });
  }

  /** The stacks that the samples complete, [F, D]; F may be 0. */
  push(samples: Float32Array): FeatureMatrix {
    return this.stacker.push(this.normalize(this.extractor.push(samples)));
  }

  /** The stacks that the end of the sound completes; at most two matrices, none of which is empty. */
  end(): FeatureMatrix[] {
    const last = this.stacker.push(this.normalize(this.extractor.end()));
    return [last, this.stacker.end()].filter(({ frames }) => frames > 0);
  }

  private normalize(frames: FeatureMatrix): FeatureMatrix {
    return this.running?.push(frames) ?? this.pipeline.normalize(frames);
  }
}

import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import { Random } from '../random.js';
import { assertKnownOptions } from './options.js';
import { choice, presentOptions } from '../options.js';
import { RecurrentLayer } from './recurrentLayer.js';
import type { RecurrentOptions } from './recurrentOptions.js';
import { assertRunOptions, SequenceLayer } from './sequenceLayer.js';
import type { RunOptions, RunResult, SequenceOptions, Trace } from './sequenceLayer.js';
import { savedOption, type ClassConfig } from './weightOptions.js';

const mergeModes = ['concat', 'sum', 'mul', 'ave', 'none'] as const;

/** How the outputs of the two directions become one; `none` returns both. */
export type MergeMode = (typeof mergeModes)[number];

/** The options of {@link Bidirectional}. */
export interface BidirectionalOptions extends SequenceOptions {
  /** The layer that walks forwards; its copy walks backwards. It says what to return and whether to be stateful. */
  layer: RecurrentLayer | ClassConfig;
  /** Another layer to walk backwards; its `goBackwards` is true. */
  backwardLayer?: RecurrentLayer | ClassConfig;
  /** concat when absent; null means none, as in Keras. */
  mergeMode?: MergeMode | null;
}

type CellConstructor = new (options: RecurrentOptions) => RecurrentLayer;

function classOf(saved: ClassConfig): CellConstructor {
  const known = tf.serialization.SerializationMap.getMap().classNameMap[saved.className];
  const constructor = known?.[0] as unknown as CellConstructor | undefined;
  if (!(constructor?.prototype instanceof RecurrentLayer)) {
    throw new ConfigError(
      expected('the layer of Bidirectional', 'a SimpleRNN, LSTM or GRU of Cadenza', saved.className),
    );
  }
  return constructor;
}

function configOf(layer: RecurrentLayer | ClassConfig | undefined): ClassConfig {
  if (layer instanceof RecurrentLayer) return savedOption(layer) as unknown as ClassConfig;
  if (typeof layer?.className === 'string') return layer;
  throw new ConfigError(expected('the layer of Bidirectional', 'a SimpleRNN, LSTM or GRU of Cadenza', layer));
}

/** A copy of the layer that walks the other way: the same options, but weights and dropouts of its own. */
function reversed(saved: ClassConfig): ClassConfig {
  const config: tf.serialization.ConfigDict = { ...saved.config, goBackwards: true };
  if (typeof config.seed === 'number') config.seed = new Random(config.seed).fork('backward').nextUint32();
  return { className: saved.className, config };
}

/** One direction; what is returned and what is kept is up to the wrapper, and its shape comes from there too. */
function direction(saved: ClassConfig, name: string): RecurrentLayer {
  const { batchInputShape, dtype, ...config } = presentOptions(saved.config);
  void [batchInputShape, dtype];
  const options = { ...config, name, returnSequences: true, returnState: false, stateful: false };
  return new (classOf(saved))(options as unknown as RecurrentOptions);
}

/**
 * Two recurrent layers over the same sequence, one in each direction (Schuster and Paliwal 1997). The outputs of both stand at
 * the step they belong to and are merged: concatenated, added, multiplied, averaged, or returned side by side. Without
 * `returnSequences` it merges what each direction puts out at its own end. States: all of the forward layer's, then all of
 * the backward layer's. With lengths or a mask the backward walk starts at each row's last valid step.
 */
export class Bidirectional extends SequenceLayer {
  /** @nocollapse */
  static className = 'CadenzaBidirectional';
  readonly goBackwards = false;
  readonly mergeMode: MergeMode;
  readonly forwardLayer: RecurrentLayer;
  readonly backwardLayer: RecurrentLayer;
  private readonly saved: { layer: ClassConfig; backwardLayer?: ClassConfig };

  constructor(options: BidirectionalOptions) {
    assertKnownOptions('Bidirectional', options, [
      'layer',
      'backwardLayer',
      'mergeMode',
      'returnSequences',
      'returnState',
      'stateful',
    ]);
    const layer = configOf(options.layer);
    const { returnSequences, returnState, stateful, batchInputShape, dtype } =
      layer.config as unknown as SequenceOptions;
    super({ returnSequences, returnState, stateful, batchInputShape, dtype, ...presentOptions(options) });
    if (layer.config.goBackwards === true) {
      throw new ConfigError(expected('goBackwards of the layer of Bidirectional', 'false', true));
    }
    const backward = options.backwardLayer == null ? undefined : configOf(options.backwardLayer);
    if (backward && backward.config.goBackwards !== true) {
      throw new ConfigError(expected('goBackwards of backwardLayer', 'true', backward.config.goBackwards ?? false));
    }
    this.mergeMode = options.mergeMode === null ? 'none' : choice(options.mergeMode, mergeModes, 'concat', 'mergeMode');
    this.forwardLayer = this.adopt('forward', direction(layer, `forward_${this.name}`));
    this.backwardLayer = this.adopt('backward', direction(backward ?? reversed(layer), `backward_${this.name}`));
    if (this.forwardLayer.outputSize !== this.backwardLayer.outputSize) {
      const { outputSize } = this.forwardLayer;
      throw new ConfigError(
        expected('the size of backwardLayer', `the forward layer's ${outputSize}`, this.backwardLayer.outputSize),
      );
    }
    this.saved = backward ? { layer, backwardLayer: backward } : { layer };
  }

  get outputSize(): number {
    const { outputSize } = this.forwardLayer;
    return this.mergeMode === 'concat' || this.mergeMode === 'none' ? 2 * outputSize : outputSize;
  }

  get stateSizes(): number[] {
    return [...this.forwardLayer.stateSizes, ...this.backwardLayer.stateSizes];
  }

  protected buildFor(inputSize: number): void {
    this.buildChild('forward', [null, null, inputSize]);
    this.buildChild('backward', [null, null, inputSize]);
  }

  /** Runs both directions; with `mergeMode: 'none'` the result holds their outputs one after the other on the last axis. */
  run(x: tf.Tensor, options: RunOptions = {}): RunResult {
    return tf.tidy(() => {
      const [first, second] = this.split(options);
      const [forward, backward] = this.forwardLayer.runBeside(this.backwardLayer, x, first, second);
      const outputs = this.merge(forward.outputs, backward.outputs) as tf.Tensor3D; // [B, T, H or 2H]
      const last = this.merge(forward.last, backward.last) as tf.Tensor2D;
      return { outputs, last, states: [...forward.states, ...backward.states] };
    });
  }

  traceGates(x: tf.Tensor, options: RunOptions = {}): Trace[] {
    const [first, second] = this.split(options);
    return [...this.forwardLayer.traceGates(x, first), ...this.backwardLayer.traceGates(x, second)];
  }

  private split(options: RunOptions): [RunOptions, RunOptions] {
    assertRunOptions(`a run of ${this.name}`, options);
    const { initialState } = options;
    if (initialState) this.checkStates(initialState);
    const count = this.forwardLayer.stateSizes.length;
    return [
      { ...options, initialState: initialState?.slice(0, count) },
      { ...options, initialState: initialState?.slice(count) },
    ];
  }

  private merge(forward: tf.Tensor, backward: tf.Tensor): tf.Tensor {
    switch (this.mergeMode) {
      case 'sum':
        return tf.add(forward, backward);
      case 'mul':
        return tf.mul(forward, backward);
      case 'ave':
        return tf.mul(tf.add(forward, backward), 0.5);
      default:
        return tf.concat([forward, backward], -1);
    }
  }

  protected override splitOutputs(outputs: tf.Tensor): tf.Tensor[] {
    return this.mergeMode === 'none' ? tf.split(outputs, 2, -1) : [outputs];
  }

  protected override get splitSizes(): number[] {
    const { outputSize } = this.forwardLayer;
    return this.mergeMode === 'none' ? [outputSize, outputSize] : [this.outputSize];
  }

  override getConfig(): tf.serialization.ConfigDict {
    const saved = this.saved as unknown as tf.serialization.ConfigDict;
    return { ...super.getConfig(), ...saved, mergeMode: this.mergeMode };
  }
}

tf.serialization.registerClass(Bidirectional);

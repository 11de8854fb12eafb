import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, InputError, expected } from '../errors.js';
import type { Random } from '../random.js';
import { assertShape } from '../shapes.js';
import { packMasked } from './masks.js';
import { NestedLayer, firstOf, gatherInputs, sequenceShape } from './nestedLayer.js';
import type { ApplyInputs, CallArguments, Shape } from './nestedLayer.js';
import type { BaseLayerOptions } from './options.js';
import { flag, refuseUnknown } from '../options.js';

/** What `run` may be given besides the sequence. */
export interface RunOptions {
  /** One tensor for each of `stateSizes`, zeros when absent. */
  initialState?: tf.Tensor[];
  /** int32 [B]: steps from there on carry the state, put out zeros and are not read. */
  lengths?: tf.Tensor;
  /** Whether dropout and zoneout act. */
  training?: boolean;
  /** Where dropout and zoneout draw from; the layer's own seeded generator when absent. */
  random?: Random;
  /** An embedding [V, D] for int32 ids; without it ids pick rows of the kernel, as one-hot input would. */
  table?: tf.Tensor;
  /** False saves the gradient of features that need none, such as data; that of a `table` is there in any case. */
  needInputGradient?: boolean;
}

const runOptionNames: readonly (keyof RunOptions)[] = [
  ...(['initialState', 'lengths', 'training', 'random', 'table', 'needInputGradient'] as const),
];

/** Refuses options that no run has; `without` names those that this one has not. */
export function assertRunOptions(owner: string, options: RunOptions, without: readonly string[] = []): void {
  const known = runOptionNames.filter((name) => !without.includes(name));
  refuseUnknown(owner, options, known);
}

/** What a run gives. */
export type RunResult = {
  /** [B, T, outputSize], every step at its own time, whichever way the layer walks */
  outputs: tf.Tensor3D;
  /** [B, outputSize], what the layer puts out after each row's last step; may be the very tensor that a state is */
  last: tf.Tensor2D;
  /** The state after each row's last step, one tensor for each of `stateSizes` */
  states: tf.Tensor2D[];
};

/** The named gates, cell and hidden state of one cell at every step, each [B, T, H]. */
export type Trace = Record<string, tf.Tensor3D>;

/** The options of Keras's recurrent layers about what goes in and comes out. */
export interface SequenceOptions extends BaseLayerOptions {
  /** Return the output of every step, [B, T, units], not only the last one, [B, units]. */
  returnSequences?: boolean;
  /** Return the final states after the outputs. */
  returnState?: boolean;
  /** Start every call from the states where the last one ended, until `resetStates()`. */
  stateful?: boolean;
}

export const sequenceOptionNames = ['returnSequences', 'returnState', 'stateful'];

/**
 * A tf.layers.Layer over sequences [B, T, D] that carries a state. It does once for all of Cadenza's recurrent layers what
 * Keras asks of them: initial and returned states, statefulness, masks, shapes and configurations; the layers themselves
 * only know how to `run`.
 */
export abstract class SequenceLayer extends NestedLayer {
  readonly returnSequences: boolean;
  readonly returnState: boolean;
  /** Whether calls return the outputs in backward order. */
  abstract readonly goBackwards: boolean;
  /** The size of one step's output. */
  abstract readonly outputSize: number;
  /** The sizes of the states, in the order in which they are handed over. */
  abstract readonly stateSizes: number[];
  private inputSize: number | null = null;
  private carried: tf.Tensor[] | null = null;

  constructor(options: SequenceOptions) {
    super(options);
    this.returnSequences = flag(options.returnSequences ?? undefined, false, 'returnSequences');
    this.returnState = flag(options.returnState ?? undefined, false, 'returnState');
    this._stateful = flag(options.stateful ?? undefined, false, 'stateful');
    this.supportsMasking = true;
  }

  /** Runs whole sequences, x [B, T, D] or int32 ids [B, T], without symbolic tensors. The caller owns what it returns. */
  abstract run(x: tf.Tensor, options?: RunOptions): RunResult;

  /** What happens in every cell at every step, one trace for each cell in the order of the states. */
  abstract traceGates(x: tf.Tensor, options?: RunOptions): Trace[];

  /** Makes the weights for inputs of a size. */
  protected abstract buildFor(inputSize: number): void;

  /** How outputs are handed to the next layer; several tensors where directions stay apart. */
  protected splitOutputs(outputs: tf.Tensor): tf.Tensor[] {
    return [outputs];
  }

  /** The sizes of what {@link splitOutputs} gives. */
  protected get splitSizes(): number[] {
    return [this.outputSize];
  }

  override build(inputShape: Shape | Shape[]): void {
    const shape = sequenceShape(inputShape);
    const size = shape[shape.length - 1];
    if (shape.length !== 3 || size === null) {
      const got = `[${shape.map((dimension) => dimension ?? 'any').join(', ')}]`;
      throw new InputError(`Expected the input of ${this.name} to have shape [batch, time, features], got ${got}`, {
        code: 'SHAPE',
      });
    }
    this.inputSize = size;
    this.buildFor(size);
    this.built = true;
  }

  override apply(inputs: ApplyInputs, keywords?: CallArguments) {
    const gathered = gatherInputs<unknown>(inputs, keywords);
    return super.apply(gathered.inputs as tf.Tensor[], gathered.keywords);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], keywords: CallArguments = {}): tf.Tensor | tf.Tensor[] {
    this.invokeCallHook(inputs, keywords);
    const gathered = gatherInputs(inputs, keywords);
    const [x, ...given] = [gathered.inputs].flat() as tf.Tensor[];
    return tf.tidy(() => {
      assertShape(x, [null, null, this.inputSize], `the input of ${this.name}`);
      const packed = packMasked(x, firstOf(keywords.mask as tf.Tensor | undefined));
      const result = this.run(packed.x, {
        initialState: this.startingState(given, x.shape[0]),
        lengths: packed.lengths,
        training: keywords.training === true,
      });
      if (this.stateful) this.resetStates(result.states);
      const outputs = this.splitOutputs(
        this.returnSequences ? this.inOrder(packed.unpack(result.outputs)) : result.last,
      );
      // The last output may be a state itself, and a model of layers frees the one before the other is used.
      const all = this.returnState ? [...outputs, ...result.states.map((state) => tf.clone(state))] : outputs;
      return all.length === 1 ? all[0] : all;
    });
  }

  /** Outputs [B, T, ...] or a mask [B, T] in the order of the walk. */
  private inOrder<T extends tf.Tensor>(steps: T): T {
    return this.goBackwards ? tf.reverse(steps, 1) : steps;
  }

  private startingState(given: tf.Tensor[], batch: number): tf.Tensor[] | undefined {
    if (given.length > 0) return given;
    if (!this.stateful || !this.carried) return undefined;
    if (this.carried[0].shape[0] !== batch) {
      throw new InputError(
        `${expected(`the batch of the stateful ${this.name}`, `${this.carried[0].shape[0]} as in the call before`, batch)}; ` +
          'call resetStates() between batches of different sizes',
      );
    }
    return this.carried;
  }

  /** Checks the number and the sizes of given states: one too few would otherwise silently start a layer from zeros. */
  protected checkStates(states: readonly tf.Tensor[]): void {
    const sizes = this.stateSizes;
    if (states.length !== sizes.length) {
      throw new InputError(expected(`the initial state of ${this.name}`, `${sizes.length} tensors`, states.length));
    }
    states.forEach((state, index) => assertShape(state, [null, sizes[index]], `state ${index} of ${this.name}`));
  }

  /** Forgets the states carried between calls of a stateful layer, or replaces them by copies of the given ones. */
  override resetStates(states?: tf.Tensor[]): void {
    if (!this.stateful)
      throw new ConfigError(expected(`${this.name}`, 'stateful for resetStates()', 'stateful: false'));
    if (states) this.checkStates(states);
    const carried = states?.map((state) => tf.keep(tf.clone(state))) ?? null;
    tf.dispose(this.carried ?? []);
    this.carried = carried;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    const [batch, time] = sequenceShape(inputShape);
    const outputs = this.splitSizes.map((size) => (this.returnSequences ? [batch, time, size] : [batch, size]));
    const states = this.returnState ? this.stateSizes.map((size) => [batch, size]) : [];
    const all = [...outputs, ...states];
    return all.length === 1 ? all[0] : all;
  }

  override computeMask(_inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor | tf.Tensor[] {
    const given = mask == null ? null : firstOf(mask);
    const kept = this.returnSequences && given ? this.inOrder(given) : null;
    const outputs = this.splitSizes.map(() => kept);
    const all = this.returnState ? [...outputs, ...this.stateSizes.map(() => null)] : outputs;
    return (all.length === 1 ? all[0] : all) as tf.Tensor | tf.Tensor[];
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { returnSequences, returnState, stateful } = this;
    return { ...super.getConfig(), returnSequences, returnState, stateful };
  }

  protected override disposeWeights(): number {
    tf.dispose(this.carried ?? []);
    this.carried = null;
    return super.disposeWeights();
  }
}

import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { ConfigError, expected, InputError } from '../errors.js';
import { attention } from '../ops/index.js';
import { Random } from '../random.js';
import { assertShape } from '../shapes.js';
import { finitePadding, packMasked } from './masks.js';
import { maskInput } from './memoryMask.js';
import { NestedLayer, type ApplyInputs, type CallArguments, type Shape } from './nestedLayer.js';
import { assertKnownOptions, type BaseLayerOptions } from './options.js';
import { choice, flag, positiveInteger, presentOptions, refuseUnknown, seedOf } from '../options.js';
import { resolveInitializer, savedOptions } from './weightOptions.js';

export const attentionScores = ['additive', 'multiplicative', 'dot', 'scaledDot'] as const;

/** How a query and a key are compared. */
export type AttentionScore = (typeof attentionScores)[number];

/** The options of {@link Attention}. */
export interface AttentionOptions extends BaseLayerOptions {
  /** multiplicative when absent */
  score?: AttentionScore;
  /** additive only: the size A of the space in which queries and keys meet; the query's own size when absent. */
  units?: number;
  /** additive and multiplicative only: let what was attended to before (a coverage [B, S]) shift the scores. */
  coverage?: boolean;
  /** How many parts look for themselves; A is a multiple of it. With more than one, queries, keys and values are projected. 1 when absent. */
  heads?: number;
  seed?: number;
}

const optionNames = ['score', 'units', 'coverage', 'heads', 'seed'];

/** What attention looks at: the memory itself, its keys, and how much of each row counts. */
export type AttentionMemory = {
  /** [B, S, C]; [B, S, A] with several heads */
  values: tf.Tensor3D;
  /** [B, S, A]: the values as they are compared with queries */
  keys: tf.Tensor3D;
  /** int32 [B]; all S where absent */
  lengths?: tf.Tensor;
  /** Whether the values are made by `remember`, not what it was given. */
  projected?: boolean;
};

/** What attention found. */
export type AttentionResult = {
  /** [B, T, C], the mean of the values under the weights; [B, T, A] with several heads */
  context: tf.Tensor3D;
  /** [B, T, S], 0 beyond a row's length, of sum 1, the mean of the heads; a constant to gradients unless {@link AttendOptions} asks for theirs */
  weights: tf.Tensor3D;
};

export interface AttendOptions {
  /** Let gradients flow through the weights too, for a loss on them. Layers with coverage always do. */
  needWeightsGradient?: boolean;
}

/**
 * Looks a query up in a memory: weights over its S rows, and the mean of the rows under them.
 *
 *     weights_t = softmax_s e(q_t, m_s)            context_t = sum_s weights_ts m_s
 *     additive         e = v . tanh(q W_q + m W_k + b)      Bahdanau, Cho and Bengio 2015, appendix A.1.2
 *     multiplicative   e = q . (m W_k)                      Luong, Pham and Manning 2015, equation 8, `general`
 *     dot              e = q . m                            the same, `dot`
 *     scaledDot        e = q . m / sqrt(A)                  Vaswani et al. 2017, equation 1
 *
 * With `coverage`, a vector w of the keys' size is learnt, and the keys become m W_k + c w, where c [B, S] is the sum of the
 * weights so far (See, Liu and Manning 2017, equation 11).
 *
 * With N `heads` (Vaswani et al. 2017, section 3.2.2) head n compares and reads the n-th part of A / N numbers of q W_q, m W_k and m W_v, and
 * the context joins what all have found; `multiplicative` then is e = q_n . k_n, and `scaledDot` divides it by sqrt(A / N).
 *
 * As a layer: [query [B, T, Q], memory [B, S, C]] to [context [B, T, C] ([B, T, A] with several heads), weights [B, T, S]]. In a model of layers the memory's mask
 * comes with it; a call with tensors takes it as the second of two, `apply([query, memory], {mask: [null, mask]})`. Weights: `keyKernel` [C, A], and for additive `queryKernel` [Q, A], `bias` [A] and
 * `vector` [A]; with several heads `queryKernel` [Q, A], `keyKernel` and `valueKernel` [C, A] whatever the score; with coverage `coverage` [A].
 */
export class Attention extends NestedLayer {
  /** @nocollapse */
  static className = 'CadenzaAttention';
  readonly score: AttentionScore;
  readonly coverage: boolean;
  readonly heads: number;
  private readonly seed: number;
  private readonly given: AttentionOptions;
  private scale = 1;

  constructor(options: AttentionOptions = {}) {
    assertKnownOptions('Attention', options, optionNames);
    const given = presentOptions(options);
    super(given);
    this.given = given;
    this.score = choice(given.score, attentionScores, 'multiplicative', 'score');
    this.coverage = flag(given.coverage, false, 'coverage');
    if (given.units !== undefined && this.score !== 'additive') {
      throw new ConfigError(expected('units', `absent for the score ${this.score}`, given.units));
    }
    if (given.units !== undefined) positiveInteger(given.units, 'units');
    this.heads = positiveInteger(given.heads ?? 1, 'heads');
    if (this.heads > 1 && this.score === 'dot') {
      throw new ConfigError(expected('heads', '1 for the score dot, which learns nothing', this.heads));
    }
    if (this.coverage && this.score !== 'additive' && this.score !== 'multiplicative') {
      throw new ConfigError(expected('coverage', `false for the score ${this.score}`, true));
    }
    this.seed = seedOf(given.seed);
    this.supportsMasking = true;
  }

  private get hasKernel(): boolean {
    return this.score === 'additive' || this.score === 'multiplicative' || this.heads > 1;
  }

  /** The width of what is found with queries of Q numbers in a memory of rows of C. */
  contextSize<Size extends number | null>(queries: Size, memory: Size): Size | number {
    return this.heads > 1 ? (this.given.units ?? queries) : memory;
  }

  /** Makes the weights, for queries of Q numbers and a memory of rows of C. */
  override build(inputShape: Shape | Shape[]): void {
    const shapes = inputShape as Shape[];
    const [queries, memory] = shapes.map((shape) => (Array.isArray(shape) ? shape[shape.length - 1] : null));
    if (![2, 3].includes(shapes.length) || queries == null || memory == null) {
      throw new ConfigError(expected('the input shape of Attention', '[[B, T, Q], [B, S, C]]', inputShape));
    }
    const size = this.given.units ?? queries;
    checkHeads(this.heads, this.score, size);
    const fill = (name: string) => resolveInitializer('glorotUniform', new Random(this.seed).fork(name), name);
    const kernel = (name: string, from: number): void =>
      this.makeWeight({ name, shape: [from, size], fill: fill(name) });
    if (this.hasKernel) kernel('keyKernel', memory);
    else if (queries !== memory)
      throw new ConfigError(expected(`the memory of ${this.score}`, `${queries} wide`, memory));
    if (this.heads > 1) kernel('valueKernel', memory);
    if (this.heads > 1 || this.score === 'additive') kernel('queryKernel', queries);
    if (this.score === 'additive') {
      this.makeWeight({ name: 'bias', shape: [size], fill: (shape) => tf.zeros(shape) });
      const vector = fill('vector');
      this.makeWeight({
        name: 'vector',
        shape: [size],
        fill: (shape) => tf.tidy(() => tf.reshape(vector([shape[0], 1]), shape)),
      });
    }
    // Zero, so that training starts from attention without coverage.
    if (this.coverage) this.makeWeight({ name: 'coverage', shape: [size], fill: (shape) => tf.zeros(shape) });
    this.scale = this.score === 'scaledDot' ? 1 / Math.sqrt(size / this.heads) : 1;
    this.built = true;
  }

  private checkBuilt(): void {
    if (this.built) return;
    throw new InputError(
      `Expected ${this.name} to be built before it attends; call build([[null, null, Q], [null, null, C]])`,
    );
  }

  /**
   * Prepares a memory [B, S, C] to be looked up many times: its keys are computed once. What stands beyond `lengths` changes
   * nothing, gradients included.
   */
  remember(values: tf.Tensor3D, lengths?: tf.Tensor): AttentionMemory {
    return Attention.rememberAll([this], values, lengths)[0];
  }

  /** What {@link remember} gives of each of several layers that look one memory up; its padding is looked at once. */
  static rememberAll(layers: readonly Attention[], values: tf.Tensor3D, lengths?: tf.Tensor): AttentionMemory[] {
    for (const layer of layers) layer.checkBuilt();
    assertShape(values, ['B', 'S', 'C'], 'memory');
    return tf.tidy(() => {
      let finite: tf.Tensor3D | undefined;
      return layers.map((layer) => {
        const kernel = layer.weight('keyKernel');
        if (!kernel) return { values, keys: values, lengths };
        // The kernel's gradient multiplies padding by zeros, which only what is finite survives.
        finite ??= finitePadding(values, lengths);
        const keys = product(finite, kernel, layer.weight('bias')); // [B, S, A]
        const valueKernel = layer.weight('valueKernel');
        if (!valueKernel) return { values, keys, lengths };
        return { values: product(finite, valueKernel), keys, lengths, projected: true };
      });
    });
  }

  /** Looks up queries [B, T, Q]; `coverage` [B, S] only where the layer has one. The caller owns the result. */
  attend(
    query: tf.Tensor3D,
    memory: AttentionMemory,
    coverage?: tf.Tensor2D,
    options: AttendOptions = {},
  ): AttentionResult {
    this.checkBuilt();
    refuseUnknown(`attend of ${this.name}`, options, ['needWeightsGradient']);
    if (coverage && !this.coverage) throw new InputError(expected('coverage', 'absent for a layer without it', 'one'));
    return tf.tidy(() => {
      let keys = memory.keys;
      if (coverage) {
        const shift = tf.mul(tf.expandDims(coverage, 2), this.weight('coverage')!); // [B, S, A]
        keys = tf.add(keys, shift);
      }
      const { lengths, values } = memory;
      const needWeightsGradient = this.coverage || options.needWeightsGradient;
      const kernel = this.weight('queryKernel');
      const projected = kernel ? product(query, kernel) : query; // [B, T, A]
      const common = { lengths, heads: this.heads, needWeightsGradient };
      if (this.score !== 'additive') {
        return attention(projected, keys, values, { score: 'dot', scale: this.scale, ...common });
      }
      const vector = this.weight('vector') as tf.Tensor as tf.Tensor1D;
      return attention(projected, keys, values, { score: 'additive', vector, ...common });
    });
  }

  override apply(inputs: ApplyInputs, keywords?: CallArguments) {
    const given = [inputs].flat();
    const [, memory] = given;
    const all = given.length === 2 && memory instanceof tfl.SymbolicTensor ? [...given, maskInput(memory)] : inputs;
    return super.apply(all as tf.Tensor[], keywords);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], keywords: CallArguments = {}): tf.Tensor[] {
    this.invokeCallHook(inputs, keywords);
    const [query, values, mask] = inputs as tf.Tensor3D[];
    return tf.tidy(() => {
      const { x, lengths, unpack } = packMasked(values, mask ?? secondMask(keywords));
      const remembered = this.remember(x as tf.Tensor3D, lengths);
      const { context, weights } = this.attend(query, remembered, undefined, { needWeightsGradient: true });
      const inPlace = tf.transpose(unpack(tf.transpose(weights, [0, 2, 1])), [0, 2, 1]);
      return [context, inPlace];
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape[] {
    const [[batch, time, queries], [, source, size]] = inputShape as Shape[];
    return [
      [batch, time, this.contextSize(queries, size)],
      [batch, time, source],
    ];
  }

  override computeMask(_inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
    const query = [mask].flat()[0] ?? null;
    return [query, query] as tf.Tensor[];
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...savedOptions(this.given, optionNames) };
  }
}

/** Refuses a number of heads that does not fit the score, or the width that they share. @param what names it in errors */
export function checkHeads(heads: number, score: AttentionScore | 'none', width: number, what = 'heads'): void {
  if (heads > 1 && (score === 'dot' || score === 'none')) {
    throw new ConfigError(expected(what, `1 for the score ${score}`, heads));
  }
  if (width % heads !== 0) throw new ConfigError(expected(what, `a divisor of ${width}`, heads));
}

/** The memory's mask of a call with tensors. */
export function secondMask({ mask }: CallArguments): tf.Tensor | null | undefined {
  if (mask == null) return mask as null | undefined;
  if (!Array.isArray(mask))
    throw new InputError(expected('mask', 'a list, the second of it of the memory', 'one mask'));
  return mask[1] as tf.Tensor | null | undefined;
}

/** x [B, T, D] times a kernel [D, A], plus a bias. */
function product(x: tf.Tensor3D, kernel: tf.Tensor, bias?: tf.Tensor): tf.Tensor3D {
  const [batch, time, size] = x.shape;
  const rows = tf.matMul(tf.reshape(x, [batch * time, size]), kernel as tf.Tensor2D);
  return tf.reshape(bias ? tf.add(rows, bias) : rows, [batch, time, kernel.shape[1]!]);
}

tf.serialization.registerClass(Attention);

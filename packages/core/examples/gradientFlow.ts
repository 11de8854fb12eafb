import * as tf from '@tensorflow/tfjs-core';
import { LSTM, Random, SimpleRNN, globalNorm, type RecurrentLayer } from '@cadenza/core';
import type { Page } from './page.js';

/** What is measured: a network, and the gradient that flows back through it. */
export interface Flow {
  name: string;
  /** The norm of d loss / d h_t, averaged over the batch, by distance from the last step. */
  hidden: number[];
  /** The same of the LSTM's cell state. */
  cell?: number[];
  /** The global norm of the gradient of the weights, and what clipping makes of it. */
  weights: number;
  clipped: number;
}

export interface GradientFlowOptions {
  steps?: number;
  units?: number;
  batch?: number;
  /** The largest global norm that clipping leaves. */
  clip?: number;
  seed?: number;
}

/** Sets the norm of the recurrent weights, whose rows start orthonormal. */
function scaleRecurrence(layer: RecurrentLayer, gain: number): void {
  const recurrent = layer.parameters().get('recurrentKernel')!;
  tf.tidy(() => recurrent.assign(tf.mul(recurrent, gain)));
}

/** Sets the bias of the forget gate, the second block of H. */
function setForgetBias(layer: RecurrentLayer, units: number, value: number): void {
  const bias = layer.parameters().get('bias')!;
  tf.tidy(() =>
    bias.assign(tf.tensor1d(bias.dataSync().map((old, index) => (Math.floor(index / units) === 1 ? value : old)))),
  );
}

/**
 * d loss / d h_t for every t, where the loss reads the last step only. The sequence runs one step at a time and a zero is added
 * to every state: the gradient of that zero is the gradient of the state.
 */
export function stateGradients(layer: RecurrentLayer, x: tf.Tensor3D, direction: tf.Tensor2D): number[][] {
  const [batch, steps, size] = x.shape;
  const zeros = Array.from({ length: steps }, () => layer.stateSizes.map((width) => tf.zeros([batch, width]))).flat();
  const perStep = layer.stateSizes.length;
  const loss = (...added: tf.Tensor[]): tf.Scalar => {
    let states: tf.Tensor[] | undefined;
    for (let t = 0; t < steps; t++) {
      const step = layer.run(tf.slice(x, [0, t, 0], [batch, 1, size]), { initialState: states });
      states = step.states.map((state, index) => tf.add(state, added[t * perStep + index]));
    }
    // The last cell state counts for nothing, but TensorFlow.js wants every input to be connected to the loss.
    const nothing = tf.mul(0, tf.sum(states!.at(-1)!));
    return tf.add(tf.mean(tf.sum(tf.mul(states![0], direction), 1)), nothing);
  };
  const gradients = tf.grads(loss)(zeros);
  // The loss is a mean over the batch, so the norm over all rows, times the root of their number, is a row's typical norm.
  const norms = gradients.map((gradient) => tf.norm(gradient).dataSync()[0] * Math.sqrt(batch));
  return layer.stateSizes.map((_, index) => norms.filter((_norm, position) => position % perStep === index).reverse());
}

function weightGradient(layer: RecurrentLayer, x: tf.Tensor3D, direction: tf.Tensor2D): number {
  const loss = (): tf.Scalar => tf.mean(tf.sum(tf.mul(layer.run(x).last, direction), 1));
  const { grads } = tf.variableGrads(loss, [...layer.parameters().values()]);
  return globalNorm(Object.values(grads));
}

/**
 * Measures how gradients vanish and explode with the distance in steps (Hochreiter 1991; Bengio, Simard and Frasconi 1994;
 * Pascanu, Mikolov and Bengio 2013, section 2) in five networks fresh from their initializers.
 */
export function measureGradientFlow(options: GradientFlowOptions = {}): Flow[] {
  const { steps = 100, units = 32, batch = 8, clip = 1, seed = 1 } = options;
  const size = 4;
  const networks: [string, () => RecurrentLayer, (layer: RecurrentLayer) => void][] = [
    [
      'RNN, recurrent weights of norm 0.8',
      () => new SimpleRNN({ units, seed }),
      (layer) => scaleRecurrence(layer, 0.8),
    ],
    ['RNN, recurrent weights of norm 1', () => new SimpleRNN({ units, seed }), () => undefined],
    [
      'RNN (relu), recurrent weights of norm 1.8',
      () => new SimpleRNN({ units, seed, activation: 'relu' }),
      (layer) => scaleRecurrence(layer, 1.8),
    ],
    ['LSTM, forget bias 1', () => new LSTM({ units, seed }), () => undefined],
    ['LSTM, forget bias 5', () => new LSTM({ units, seed }), (layer) => setForgetBias(layer, units, 5)],
  ];
  return networks.map(([name, make, prepare]) =>
    tf.tidy(() => {
      const random = new Random(seed);
      const normals = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
      const x = tf.tensor3d(normals(batch * steps * size), [batch, steps, size]);
      const direction = tf.tensor2d(normals(batch * units), [batch, units]);
      const layer = make();
      layer.build([null, null, size]);
      prepare(layer);
      const [hidden, cell] = stateGradients(layer, x, direction);
      const weights = weightGradient(layer, x, direction);
      layer.dispose();
      return { name, hidden, cell, weights, clipped: Math.min(weights, clip) };
    }),
  );
}

const scientific = (value: number): string => value.toExponential(1);

/** The measurements as a page. */
export function gradientFlowPage(flows: Flow[]): Page {
  const distances = flows[0].hidden.map((_, distance) => distance);
  const far = distances.length - 1;
  // A logarithmic axis has no place for zero.
  const shown = (values: number[], factor = 1) => values.map((value) => (value * factor > 0 ? value * factor : null));
  const after = (flow: Flow): number => flow.clipped / flow.weights;
  return {
    title: 'Gradients that vanish and explode',
    text: [
      'The loss reads only the last step. Each curve is the norm of its gradient with respect to the hidden state so many steps ' +
        'before: a straight line is a factor per step. Clipping scales the whole gradient of the weights, so it tames what ' +
        'explodes but does not bring back what has vanished.',
    ],
    charts: [
      {
        title: 'd loss / d h by distance',
        ...{ xLabel: 'steps before the loss', yLabel: 'norm', x: distances, logarithmic: true },
        curves: flows.map((flow) => ({ label: flow.name, values: shown(flow.hidden) })),
      },
      {
        title: 'The same, scaled by what clipping the weights’ gradient to its norm does',
        ...{ xLabel: 'steps before the loss', yLabel: 'norm', x: distances, logarithmic: true },
        curves: flows.map((flow) => ({ label: flow.name, values: shown(flow.hidden, after(flow)) })),
      },
      {
        title: 'd loss / d c of the LSTMs: the carousel',
        ...{ xLabel: 'steps before the loss', yLabel: 'norm', x: distances, logarithmic: true },
        curves: flows.filter((flow) => flow.cell).map((flow) => ({ label: flow.name, values: shown(flow.cell!) })),
      },
    ],
    table: [
      ['network', '|dL/dh| 1 step', `${far} steps`, 'factor per step', 'weights’ gradient', 'clipped to'],
      ...flows.map((flow) => [
        flow.name,
        scientific(flow.hidden[1]),
        scientific(flow.hidden[far]),
        ((flow.hidden[far] / flow.hidden[1]) ** (1 / (far - 1))).toFixed(3),
        scientific(flow.weights),
        scientific(flow.clipped),
      ]),
    ],
  };
}

/** A language model's single step as an ONNX file, written by hand: the few messages of its protocol buffers that it needs. */

/** @param {number} value */
function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Buffer.from([...bytes, value]);
}

/**
 * One field of a message: numbers as varints, text and messages with their length before them.
 *
 * @param {number} number @param {number | string | Uint8Array} value
 */
function field(number, value) {
  if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)]);
  const bytes = Buffer.from(/** @type {string} */ (value));
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

const message = Buffer.concat;
const [FLOAT, INT64, INT_ATTRIBUTE] = [1, 7, 2];

/** @param {string} name @param {number[]} dims @param {number} scale */
function randomTensor(name, dims, scale) {
  const values = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => scale * (2 * Math.random() - 1));
  const data = new Uint8Array(values.buffer);
  return message([...dims.map((size) => field(1, size)), field(2, FLOAT), field(8, name), field(9, data)]);
}

/** @param {string} name @param {number} type @param {number[]} dims */
function valueInfo(name, type, dims) {
  const shape = message(dims.map((size) => field(1, field(1, size))));
  return message([field(1, name), field(2, field(1, message([field(1, type), field(2, shape)])))]);
}

/** @param {string} operator @param {string[]} inputs @param {string[]} outputs @param {Record<string, number>} attributes */
function node(operator, inputs, outputs, attributes = {}) {
  return message([
    ...inputs.map((name) => field(1, name)),
    ...outputs.map((name) => field(2, name)),
    field(4, operator),
    ...Object.entries(attributes).map(([name, value]) =>
      field(5, message([field(1, name), field(3, value), field(20, INT_ATTRIBUTE)])),
    ),
  ]);
}

/**
 * ids [1, 1] and h0 c0 h1 c1 ... [1, 1, H] to logits [1, 1, V] and the next states, named `next_h0` and so on. Random weights.
 *
 * @param {{ symbols: number, hidden: number, layers: number }} size
 */
export function onnxStepModel({ symbols, hidden: H, layers }) {
  const scale = 1 / Math.sqrt(H);
  const nodes = [node('Gather', ['table', 'ids'], ['x'])]; // [1, 1, H]
  const weights = [randomTensor('table', [symbols, H], 1)];
  const inputs = [valueInfo('ids', INT64, [1, 1])];
  const outputs = [valueInfo('logits', FLOAT, [1, 1, symbols])];
  let below = 'x';
  for (let layer = 0; layer < layers; layer++) {
    const [W, R, B, h, c] = ['W', 'R', 'B', 'h', 'c'].map((letter) => `${letter}${layer}`);
    nodes.push(node('LSTM', [below, W, R, B, '', h, c], ['', `next_${h}`, `next_${c}`], { hidden_size: H }));
    weights.push(randomTensor(W, [1, 4 * H, H], scale), randomTensor(R, [1, 4 * H, H], scale));
    weights.push(randomTensor(B, [1, 8 * H], scale));
    for (const state of [h, c]) {
      inputs.push(valueInfo(state, FLOAT, [1, 1, H]));
      outputs.push(valueInfo(`next_${state}`, FLOAT, [1, 1, H]));
    }
    below = `next_${h}`;
  }
  nodes.push(node('MatMul', [below, 'kernel'], ['product']), node('Add', ['product', 'bias'], ['logits']));
  weights.push(randomTensor('kernel', [H, symbols], scale), randomTensor('bias', [symbols], scale));
  const graph = message([
    ...nodes.map((each) => field(1, each)),
    field(2, 'step'),
    ...weights.map((each) => field(5, each)),
    ...inputs.map((each) => field(11, each)),
    ...outputs.map((each) => field(12, each)),
  ]);
  return message([field(1, 8), field(7, graph), field(8, message([field(1, ''), field(2, 17)]))]);
}

import { ConfigError, expected } from '../errors.js';
import { nearestName } from '../options.js';

/** The options every tf.layers.Layer takes. */
export interface BaseLayerOptions {
  name?: string;
  trainable?: boolean;
  inputShape?: (number | null)[];
  batchInputShape?: (number | null)[];
  batchSize?: number;
  dtype?: 'float32' | 'int32' | 'bool' | 'complex64' | 'string';
}

const baseLayerOptionNames = ['name', 'trainable', 'inputShape', 'batchInputShape', 'batchSize', 'dtype'];

/** Options of other libraries' recurrent layers that have no meaning here, and why. */
const refusedOptions: Record<string, string> = {
  unroll: 'a layer always runs the whole sequence in one operation',
  timeMajor: 'sequences are always [batch, time, features]',
  implementation: 'there is one implementation, the fused operation',
  constants: 'a layer has no constants; concatenate them to the input',
  activityRegularizer: 'TensorFlow.js does not support activity regularizers; use kernelRegularizer',
  weights: 'call setWeights() on the built layer',
  useCudnn: 'the backend decides what computes the operation',
};

/** Throws a ConfigError for an option that the layer does not know, naming the nearest one that it does. */
export function assertKnownOptions(
  owner: string,
  options: object,
  known: readonly string[],
  base: readonly string[] = baseLayerOptionNames,
): void {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(expected(`the options of ${owner}`, 'an object', options));
  }
  const candidates = [...known, ...base];
  for (const [key, value] of Object.entries(options)) {
    if (candidates.includes(key) || key === 'customObjects') continue;
    // A false or absent `unroll` asks for nothing, so a configuration that spells it out is welcome.
    if (key in refusedOptions && (value == null || value === false)) continue;
    const nearest = nearestName(key, candidates);
    const why = refusedOptions[key];
    throw new ConfigError(
      why
        ? `Expected no option ${key} for ${owner}: ${why} (the nearest known option is ${nearest})`
        : `Expected an option that ${owner} knows, got ${key}; did you mean ${nearest}?`,
    );
  }
}

/**
 * The discrete cosine transform of type II as a matrix: `[coefficients, inputs]`, row after row,
 * C[k, m] = 2 cos(pi k (m + 1/2) / M) without a norm (scipy's definition), and for `ortho` times sqrt(1 / 4M) for k = 0
 * and sqrt(1 / 2M) for the others, which makes the whole matrix orthonormal. `sphinx` divides by 2M, and counts the first input by
 * half, as Sphinx's `legacy` transform does.
 */
export function cosineTransform(inputs: number, coefficients: number, norm: 'ortho' | 'none' | 'sphinx'): Float64Array {
  const matrix = new Float64Array(coefficients * inputs);
  for (let k = 0; k < coefficients; k++) {
    const scale = norm === 'none' ? 2 : norm === 'sphinx' ? 1 / inputs : Math.sqrt((k === 0 ? 1 : 2) / inputs);
    for (let m = 0; m < inputs; m++) {
      const part = norm === 'sphinx' && m === 0 ? 0.5 : 1;
      matrix[k * inputs + m] = part * scale * Math.cos((Math.PI * k * (m + 0.5)) / inputs);
    }
  }
  return matrix;
}

/**
 * The weights 1 + (L / 2) sin(pi (k + shift) / L) that lift the higher cepstral coefficients to the size of the lower
 * (HTK Book, equation 5.14). A shift of 0 is HTK's, Kaldi's and python_speech_features', of 1 librosa's; L = 0 gives ones.
 */
export function lifterWeights(coefficients: number, length: number, shift: 0 | 1 = 0): Float64Array {
  return Float64Array.from({ length: coefficients }, (_, k) =>
    length === 0 ? 1 : 1 + (length / 2) * Math.sin((Math.PI * (k + shift)) / length),
  );
}

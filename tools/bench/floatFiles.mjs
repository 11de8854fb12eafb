/** Float32 values as the bytes of files, which the scripts of all languages read. */

/** The same memory as bytes. @param {Float32Array} values */
export function bytesOf(values) {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

/** A copy as values. @param {Uint8Array} bytes */
export function floatsOf(bytes) {
  const values = new Float32Array(bytes.byteLength / 4);
  bytesOf(values).set(bytes);
  return values;
}

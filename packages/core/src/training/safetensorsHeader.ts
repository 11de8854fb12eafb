import { CheckpointError } from '../errors.js';
import { typeSizes, type SafetensorsType } from './safetensorsValues.js';

/** Where one tensor lies; offsets count from the end of the header. */
export interface HeaderEntry {
  name: string;
  dtype: SafetensorsType;
  shape: number[];
  begin: number;
  end: number;
}

export interface Header {
  /** In the order of their offsets. */
  entries: HeaderEntry[];
  metadata: Record<string, string>;
  /** The byte at which the values start. */
  dataStart: number;
}

/** The reference implementation's limit; a larger length means that the file is something else. */
const LARGEST_HEADER = 100_000_000;

/** Reads and checks a safetensors header: its length, its JSON, and that the tensors fill the rest of the file exactly. */
export function parseHeader(bytes: Uint8Array, file: string): Header {
  const fail = (byte: number, message: string): never => {
    throw new CheckpointError(`${file}, byte ${byte}: Expected ${message}`);
  };
  if (bytes.length < 8) fail(bytes.length, `8 bytes of header length, got a file of ${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > LARGEST_HEADER) fail(0, `a header of at most ${LARGEST_HEADER} bytes, got a length of ${length}`);
  if (8 + length > bytes.length) fail(0, `a header of ${length} bytes, got a file of ${bytes.length} bytes`);
  const dataStart = 8 + length;
  const text = decodeText(bytes.subarray(8, dataStart), (message) => fail(8, message));
  const json = parseJson(text, (message) => fail(8, message));

  const entries: HeaderEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') metadata = checkMetadata(value, (message) => fail(8, message));
    else entries.push(checkEntry(name, value, (message) => fail(8, message)));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== at)
      fail(dataStart + at, `tensors without holes or overlaps, got ${name} at byte ${dataStart + begin}`);
    if (dataStart + end > bytes.length) {
      fail(bytes.length, `${name} to end at byte ${dataStart + end}, got a file of ${bytes.length} bytes`);
    }
    at = end;
  }
  if (dataStart + at !== bytes.length)
    fail(dataStart + at, `the end of the file, got ${bytes.length - dataStart - at} more bytes`);
  return { entries, metadata, dataStart };
}

type Fail = (message: string) => never;

function decodeText(bytes: Uint8Array, fail: Fail): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail('a header in UTF-8, got other bytes');
  }
}

function parseJson(text: string, fail: Fail): Record<string, unknown> {
  if (!text.startsWith('{')) fail(`a header that starts with {, got ${JSON.stringify(text.slice(0, 1))}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    fail(`a header in JSON, got a text that does not parse: ${(error as Error).message}`);
  }
  const seen = new Set<string>();
  for (const name of topLevelNames(text)) {
    if (seen.has(name)) fail(`each tensor once, got ${name} twice`);
    seen.add(name);
  }
  return json as Record<string, unknown>;
}

/** The names of an object's own members as written, repetitions included, which `JSON.parse` silently drops. */
function topLevelNames(text: string): string[] {
  const names: string[] = [];
  let depth = 0;
  for (const match of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/g)) {
    const token = match[0];
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && match[1]) names.push(JSON.parse(token.slice(0, token.length - match[1].length)));
  }
  return names;
}

function checkMetadata(value: unknown, fail: Fail): Record<string, string> {
  const isText = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isText || Object.values(value).some((item) => typeof item !== 'string')) {
    fail('__metadata__ to be an object of strings');
  }
  return value as Record<string, string>;
}

function checkEntry(name: string, value: unknown, fail: Fail): HeaderEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(typeSizes, dtype)) {
    return fail(`${name} to be of a type among ${Object.keys(typeSizes).join(', ')}, got ${JSON.stringify(dtype)}`);
  }
  if (!isSizes(shape)) return fail(`the shape of ${name} to be sizes, got ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[1] < offsets[0]) {
    return fail(`the data_offsets of ${name} to be a start and an end, got ${JSON.stringify(offsets)}`);
  }
  const size = shape.reduce((product, dimension) => product * dimension, 1) * typeSizes[dtype as SafetensorsType];
  const [begin, end] = offsets;
  if (end - begin !== size) fail(`${name} to take ${size} bytes by its shape and type, got ${end - begin}`);
  return { name, dtype: dtype as SafetensorsType, shape, begin, end };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { CheckpointError } from '../errors.js';
import { readWhole, syncFolder, writeDurably, type FileSystem } from './fileSystem.js';
import { metricsOf, type Json } from './json.js';
import { decodeSafetensors, encodeSafetensors } from './safetensors.js';
import type { TensorData } from './tensorData.js';
import type { Best } from './trainingTypes.js';

/** What state.json says; `time` alone depends on the clock. */
export interface CheckpointState {
  format: 'cadenza-checkpoint';
  version: 1;
  step: number;
  epoch: number | null;
  random: number[];
  source: Json;
  optimizer: { name: string; step: number };
  schedule: Json;
  average: { updates: number } | null;
  earlyStopping: { best: number | null; waited: number } | null;
  guard: { inARow: number; total: number };
  best: Best | null;
  /** By what the best was chosen; none without validation, nor where the run was saved before this was kept. */
  validation?: { metric: string; goal: 'minimum' | 'maximum' } | null;
  /** How many tensors are carried from batch to batch. */
  carry: number;
  /** The losses since the last logged line. */
  window: { sum: number; count: number };
  time: { seconds: number; written: string };
}

/** Everything that training needs to go on. */
export interface Checkpoint {
  /** The weights to use: the averaged ones where averaging is on. */
  weights: Map<string, TensorData>;
  /** The rest: `optimizer/SLOT/NAME`, `carry/INDEX`, and with averaging `parameters/NAME`, the weights being trained. */
  optimizer: Map<string, TensorData>;
  state: CheckpointState;
}

const files = ['weights.safetensors', 'optimizer.safetensors', 'state.json'] as const;
const sums = 'SHA256SUMS';

/** Writes a checkpoint into an existing empty folder, each file and the folder synced, with the sums that prove it whole. */
export function writeCheckpoint(fs: FileSystem, directory: string, checkpoint: Checkpoint): void {
  const metadata = { producer: 'cadenza', step: String(checkpoint.state.step) };
  const contents: Record<(typeof files)[number], Iterable<Uint8Array>> = {
    'weights.safetensors': encodeSafetensors(checkpoint.weights, metadata),
    'optimizer.safetensors': encodeSafetensors(checkpoint.optimizer, metadata),
    'state.json': [Buffer.from(`${JSON.stringify(checkpoint.state, null, 2)}\n`)],
  };
  const lines = files.map((file) => `${writeDurably(fs, join(directory, file), contents[file])}  ${file}\n`);
  writeDurably(fs, join(directory, sums), [Buffer.from(lines.join(''))]);
  syncFolder(fs, directory);
}

/** Reads a checkpoint, every byte checked. Throws a {@link CheckpointError} that names the file which is missing or damaged. */
export function readCheckpoint(fs: FileSystem, directory: string): Checkpoint {
  const listed = readSums(readWhole(fs, join(directory, sums), 'DAMAGED').toString(), join(directory, sums));
  const [weights, optimizer, state] = files.map((file) => {
    const bytes = readWhole(fs, join(directory, file), 'DAMAGED');
    const got = createHash('sha256').update(bytes).digest('hex');
    if (got === listed[file]) return bytes;
    throw new CheckpointError(
      `Expected ${join(directory, file)} to have the SHA-256 ${listed[file].slice(0, 12)}... of ${join(directory, sums)}, ` +
        `got ${got.slice(0, 12)}... (${bytes.length} bytes): the file is truncated or damaged`,
      { code: 'DAMAGED' },
    );
  });
  return {
    weights: decodeSafetensors(weights, join(directory, files[0])).tensors,
    optimizer: decodeSafetensors(optimizer, join(directory, files[1])).tensors,
    state: parseState(state.toString(), join(directory, files[2])),
  };
}

function readSums(text: string, path: string): Record<string, string> {
  const match = new RegExp(`^${files.map((file) => `([0-9a-f]{64})  ${file.replace('.', '\\.')}\n`).join('')}$`).exec(
    text,
  );
  if (match) return Object.fromEntries(files.map((file, index) => [file, match[index + 1]]));
  throw new CheckpointError(
    `Expected ${path} to list the SHA-256 of ${files.join(', ')}, got other text: it is damaged`,
    {
      code: 'DAMAGED',
    },
  );
}

function parseState(text: string, path: string): CheckpointState {
  const state = JSON.parse(text) as CheckpointState;
  if (state.format === 'cadenza-checkpoint' && state.version === 1) {
    return { ...state, best: state.best && { ...state.best, metrics: metricsOf(state.best.metrics) } };
  }
  const got = `format ${state.format}, version ${state.version}`;
  throw new CheckpointError(`Expected ${path} to have format cadenza-checkpoint, version 1, got ${got}`, {
    code: 'VERSION',
  });
}

/** The step of a folder called `step-N`. */
export function stepOf(directory: string): number | undefined {
  const match = /^step-(\d+)$/.exec(basename(directory));
  return match ? Number(match[1]) : undefined;
}

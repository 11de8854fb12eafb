import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { BackendError, ConfigError, expected, refuseUnknown, registerCadenzaKernels } from '@cadenza/core';
import { loadAddon } from './addon.js';
import { orEarlierBackend } from './earlierBackend.js';
import { chooseInstructionSet, type Precision } from './instructionSet.js';
import type { NativeBackend } from './nativeBackend.js';
import { registerNativeBackend } from './registerNativeBackend.js';
import { smokeTest } from './smokeTest.js';
import { loadTfjsNode } from './tfjsNode.js';
import { WASM_BACKEND, registerWasmModule } from './wasm/registerWasmBackend.js';

export type BackendName = 'native' | 'tensorflow' | 'wasm' | 'cpu';
export type BackendChoice = 'auto' | BackendName;
export type { Precision } from './instructionSet.js';

export interface SelectBackendOptions {
  /**
   * How many threads compute for the whole process, the caller among them; only `native` can be told. When absent, all cores, but in a
   * worker thread what another thread has chosen.
   */
  threads?: number;
  /**
   * Precision of the operands of matrix products and recurrent layers; `f32` when absent. Sums, states and weights stay
   * float32; bf16 also keeps an LSTM's gates in bf16 for the way back. What a backend cannot do, or does
   * more slowly, it does in `f32`, and `reason` says so.
   */
  precision?: Precision;
  /** Receives the line that says what was chosen and why. */
  log?: (line: string) => void;
}

/** The backend that was chosen. */
export interface SelectedBackend {
  name: BackendName;
  /** One line for people: `backend native: AVX-512, 2 threads`. */
  reason: string;
  threads: number;
  precision: Precision;
}

/** What is said of a backend that has started. */
interface Started {
  about: string;
  threads: number;
  /** `f32` when absent */
  precision?: Precision;
  /** Why it is `f32` where bf16 was asked for */
  noBf16?: string;
}
/** The order of `auto`, each with how to start it: a phrase about it, or an error that says why it cannot be had. */
const STARTERS: Record<BackendName, (options: SelectBackendOptions) => Promise<Started>> = {
  native: startNative,
  tensorflow: startTensorFlow,
  wasm: startWasm,
  cpu: startCpu,
};
const ORDER = Object.keys(STARTERS) as BackendName[];
/**
 * Makes a TensorFlow.js backend the active one, with Cadenza's kernels on it, and says in one line which and why.
 *
 * `auto` takes the first of native, tensorflow (tfjs-node), wasm and cpu that is there and can train. A choice by name that is
 * not possible is a `BackendError`; the backend is then the one it was. A `ConfigError` for an option that is unknown or out of range.
 */
export async function selectBackend(
  choice: BackendChoice = 'auto',
  options: SelectBackendOptions = {},
): Promise<SelectedBackend> {
  check(choice, options);
  return orEarlierBackend(() => start(choice, options));
}

async function start(choice: BackendChoice, options: SelectBackendOptions): Promise<SelectedBackend> {
  const failures: string[] = [];
  for (const name of choice === 'auto' ? ORDER : [choice]) {
    try {
      const { about, threads, precision = 'f32', noBf16 = 'no bf16 here' } = await STARTERS[name](options);
      const notes = [about, ...failures];
      if (options.precision === 'bf16' && precision === 'f32') {
        notes.push(`${noBf16}, f32 is used instead`);
      }
      if (options.threads !== undefined && options.threads !== threads)
        notes.push(`${threads} thread, not ${options.threads}`);
      const reason = `backend ${name}: ${notes.filter(Boolean).join('; ')}`;
      options.log?.(reason);
      return { name, reason, threads, precision };
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      const message = (error as Error).message.split('\n')[0];
      if (choice !== 'auto') {
        throw new BackendError(`Expected the backend ${name} to be usable here, got: ${message}`, { cause: error });
      }
      failures.push(message);
    }
  }
  throw new BackendError(
    `Expected one of the backends ${ORDER.join(', ')} to be usable here, got: ${failures.join('; ')}`,
  );
}

function check(choice: BackendChoice, options: SelectBackendOptions): void {
  const { threads, precision } = options;
  if (choice !== 'auto' && !ORDER.includes(choice)) {
    throw new ConfigError(expected('backend', `one of auto, ${ORDER.join(', ')}`, choice));
  }
  refuseUnknown('selectBackend', options, ['threads', 'precision', 'log']);
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 1024)) {
    throw new ConfigError(expected('threads', 'an integer from 1 to 1024', threads));
  }
  if (precision !== undefined && precision !== 'f32' && precision !== 'bf16') {
    throw new ConfigError(expected('precision', 'f32 or bf16', precision));
  }
}

async function startNative({ threads, precision }: SelectBackendOptions): Promise<Started> {
  const { addon, reason } = loadAddon();
  if (addon === null) throw new Error(reason);
  registerNativeBackend();
  await activate('native');
  // All threads of the process share this number.
  if (threads !== undefined || isMainThread || !addon.threadsAreSet())
    addon.setThreads(threads ?? availableParallelism());
  const chosen = chooseInstructionSet(addon, precision ?? 'f32', process.env.CADENZA_ISA);
  train('native');
  const count = addon.threads();
  const about = `${chosen.name}, ${count} ${count === 1 ? 'thread' : 'threads'}${chosen.note ? `; ${chosen.note}` : ''}`;
  return { about, threads: count, precision: chosen.precision, noBf16: chosen.noBf16 };
}

async function startTensorFlow() {
  await loadTfjsNode();
  await activate('tensorflow');
  train('tfjs-node');
  return { about: 'tfjs-node', threads: availableParallelism() };
}

async function startWasm() {
  await registerWasmModule(await readFile(new URL('../wasm/cadenza.wasm', import.meta.url)));
  await activate(WASM_BACKEND);
  train('wasm');
  return { about: 'WebAssembly with SIMD, 1 thread', threads: 1 };
}

async function startCpu() {
  // Its advice to install tfjs-node, printed at the first tensor: the reason that is returned says more.
  Object.assign(tf.findBackend('cpu') ?? {}, { firstUse: false });
  await activate('cpu');
  return { about: 'plain JavaScript', threads: 1 };
}

async function activate(name: string): Promise<void> {
  if (!(await tf.setBackend(name))) throw new Error(`${name} does not start`);
  registerCadenzaKernels(name);
}

function train(name: string): void {
  try {
    smokeTest();
  } catch (error) {
    throw new Error(`${name} cannot train (${(error as Error).message.split('\n')[0]})`, { cause: error });
  }
}

/** The active native backend, or null when another one is active. */
export function activeNativeBackend(): NativeBackend | null {
  return tf.getBackend() === 'native' ? (tf.engine().backend as unknown as NativeBackend) : null;
}

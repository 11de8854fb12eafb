import type { Addon } from '../addon.js';
import { External, NodeApi, type Placed } from './nodeApi.js';
import { WebAssembly, type WasmGlobal, type WasmMemory, type WasmModule, type WasmTable } from './webAssembly.js';

/** The module's own functions (native/wasm/module.cc) and what the linker exports. */
interface Exports {
  memory: WasmMemory;
  __indirect_function_table: WasmTable;
  __stack_pointer: WasmGlobal;
  start(): void;
  allocate(bytes: number): number;
  deallocate(pointer: number): void;
  beginCall(): void;
  endCall(failed: number): void;
  napi_register_wasm_v1(env: number, exports: number): number;
}

type Callback = (env: number, info: number) => number;

/** In the order of `Failure` in native/wasm/exceptions.cc. */
const FAILURES = ['CADENZA_ARGUMENT', 'CADENZA_KERNEL', 'CADENZA_MEMORY', 'CADENZA_NATIVE'];
const ARGUMENT = 0;
const MEMORY = 2;

/** WASI's answer to what it does not do; only the C library's unused printing asks for anything else than the time. */
const NOT_SUPPORTED = 52;

function outOfMemory(): Error {
  const message = 'Expected enough memory for the tensors, got none: WebAssembly addresses 4 GB at most';
  return Object.assign(new Error(message), { code: FAILURES[MEMORY] });
}

/** An instance of the WebAssembly module: its functions as an `Addon`, and its memory. */
export class WasmInstance {
  addon!: Addon;
  /** Told when a call has made the memory grow, so that views of it made before are dead. */
  onGrowth: () => void = () => {};
  private exports!: Exports;
  private readonly nodeApi = new NodeApi({
    memory: () => this.memory,
    wrap: (callback) => {
      const run = this.exports.__indirect_function_table.get(callback) as Callback;
      return (...given) => this.call(run, given);
    },
    finalize: (value, ...finalizer) => this.finalizers.register(value, finalizer),
  });
  private readonly finalizers = new FinalizationRegistry<[number, number, number]>(([finalizer, data, hint]) => {
    (this.exports.__indirect_function_table.get(finalizer) as (...a: number[]) => void)(0, data, hint);
  });

  private constructor() {}

  static async create(module: WasmModule): Promise<WasmInstance> {
    const instance = new WasmInstance();
    const { exports } = await WebAssembly.instantiate(module, instance.imports(module));
    instance.exports = exports as Exports;
    instance.exports.start();
    instance.addon = instance.call((env) => {
      return instance.exports.napi_register_wasm_v1(env, instance.nodeApi.handle({}));
    }, []) as Addon;
    return instance;
  }

  get memory(): WasmMemory {
    return this.exports.memory;
  }

  /** The position of new memory, aligned to 64; an error with code CADENZA_MEMORY when there is none. */
  allocate(bytes: number): number {
    // The module's sizes have 32 bits.
    const { memory } = this.exports;
    const { buffer } = memory;
    const pointer = bytes < 2 ** 31 ? this.exports.allocate(bytes) >>> 0 : 0;
    if (pointer === 0) throw outOfMemory();
    if (memory.buffer !== buffer) this.reportGrowth(pointer);
    return pointer;
  }

  deallocate(pointer: number): void {
    this.exports.deallocate(pointer);
  }

  private reportGrowth(allocated: number): void {
    try {
      this.onGrowth();
    } catch (error) {
      this.exports.deallocate(allocated);
      throw error;
    }
  }

  /** Runs a callback of the module; one that throws leaves none of its memory behind. */
  private call(callback: Callback, given: unknown[]): unknown {
    const { exports, nodeApi } = this;
    const { buffer } = exports.memory;
    const { placed, stage } = this.place(given);
    const stackPointer = exports.__stack_pointer.value;
    let failed = true;
    exports.beginCall();
    try {
      nodeApi.open(given, placed);
      const result = nodeApi.value(callback(0, 0));
      failed = false;
      this.copyBack(given, placed);
      return result;
    } finally {
      if (failed) exports.__stack_pointer.value = stackPointer;
      // What a call had begun to put into an object of the module stays, unfinished: the object may refer to it.
      exports.endCall(Number(failed && !given.some((value) => value instanceof External)));
      if (stage !== 0) exports.deallocate(stage);
      nodeApi.open([], []);
      if (exports.memory.buffer !== buffer) this.onGrowth();
    }
  }

  /** Where each typed array lies in the module's memory; those that do not are copied there, to `stage`. */
  private place(given: unknown[]): { placed: (Placed | null)[]; stage: number } {
    const { memory } = this.exports;
    let bytes = 0;
    const placed = given.map((value): Placed | null => {
      if (!ArrayBuffer.isView(value)) return null;
      if (value.buffer === memory.buffer) return { pointer: value.byteOffset, isWritten: false };
      const offset = bytes;
      bytes += Math.ceil(value.byteLength / 16) * 16 + 16;
      return { pointer: -1 - offset, isWritten: false };
    });
    if (bytes === 0) return { placed, stage: 0 };
    const stage = this.allocate(bytes);
    const { buffer } = memory;
    given.forEach((value, index) => {
      const at = placed[index];
      if (at === null || at.pointer >= 0) return;
      at.pointer = stage - 1 - at.pointer;
      const { buffer: from, byteOffset, byteLength } = value as ArrayBufferView;
      if (byteLength === 0) return; // or detached, which the module says in its own words
      new Uint8Array(buffer, at.pointer, byteLength).set(new Uint8Array(from, byteOffset, byteLength));
    });
    return { placed, stage };
  }

  /** Gives back what was written to copies. */
  private copyBack(given: unknown[], placed: (Placed | null)[]): void {
    const { buffer } = this.exports.memory;
    placed.forEach((at, index) => {
      const value = given[index] as ArrayBufferView;
      // A view that the call's growth has detached is empty, and was written where it lay.
      if (!at?.isWritten || value.buffer === buffer || value.byteLength === 0) return;
      const { byteOffset, byteLength } = value;
      new Uint8Array(value.buffer, byteOffset, byteLength).set(new Uint8Array(buffer, at.pointer, byteLength));
    });
  }

  private imports(module: WasmModule): object {
    const known: Record<string, Record<string, unknown>> = {
      napi: this.nodeApi.imports,
      cadenza: { fail: this.fail.bind(this), written: (handle: number) => this.nodeApi.written(handle) },
      wasi_snapshot_preview1: { clock_time_get: this.clock.bind(this) },
    };
    const imports: Record<string, Record<string, unknown>> = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      const missing =
        from === 'wasi_snapshot_preview1'
          ? () => NOT_SUPPORTED
          : () => {
              throw new Error(`Expected ${name} to be there for WebAssembly, got no such function`);
            };
      (imports[from] ??= {})[name] = known[from]?.[name] ?? missing;
    }
    return imports;
  }

  /** What a C++ exception becomes. */
  private fail(kind: number, message: number, length: number): never {
    if (kind === MEMORY) throw outOfMemory();
    const text = this.nodeApi.text(message, length);
    throw Object.assign(kind === ARGUMENT ? new TypeError(text) : new Error(text), { code: FAILURES[kind] });
  }

  /** WASI's clock_time_get, in nanoseconds. */
  private clock(id: number, _precision: bigint, result: number): number {
    const milliseconds = id === 0 ? Date.now() : performance.now();
    new DataView(this.memory.buffer).setBigUint64(result >>> 0, BigInt(Math.round(milliseconds * 1e6)), true);
    return 0;
  }
}

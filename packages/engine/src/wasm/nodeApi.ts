import type { WasmMemory } from './webAssembly.js';

/** `napi_status` */
const enum Status {
  ok,
  invalidArgument,
  objectExpected,
  stringExpected,
  numberExpected = 6,
  booleanExpected,
}

/** In the order of `napi_typedarray_type`. */
const TYPED_ARRAYS = [
  ...['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array'],
  ...['Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array'],
];
/** In the order of `napi_valuetype`; null and external values are told apart from objects first. */
const TYPES = [
  'undefined',
  'null',
  'boolean',
  'number',
  'string',
  'symbol',
  'object',
  'function',
  'external',
  'bigint',
];

/** A pointer of the module that JavaScript holds. */
export class External {
  constructor(readonly data: number) {}
}

/** Where an argument's array lies in the module's memory while a call runs. */
export interface Placed {
  pointer: number;
  /** Set once the binding has said that it writes there. */
  isWritten: boolean;
}

/** What Node-API asks of the module. */
export interface Host {
  memory(): WasmMemory;
  /** A JavaScript function that calls the module's callback. */
  wrap(callback: number): (...given: unknown[]) => unknown;
  /** Calls a finalizer of the module once `value` has been collected. */
  finalize(value: object, finalizer: number, data: number, hint: number): void;
}

/**
 * The part of Node-API that native/binding uses, over the memory of a WebAssembly module: the binding, compiled for it, checks the
 * arguments of every function as it does in Node.
 *
 * A handle (`napi_value`) is a position in a list that lives as long as a call; 0 is none. WebAssembly hands over pointers and sizes
 * as signed integers: `>>> 0` makes those from 2 GiB on what they are.
 */
export class NodeApi {
  private handles: unknown[] = [null];
  private given: unknown[] = [];
  private placed: (Placed | null)[] = [];
  private readonly tags = new WeakMap<object, string>();
  private memoryView = new DataView(new ArrayBuffer(0));

  constructor(private readonly host: Host) {}

  /** Begins a call with these arguments, of which typed arrays lie at `placed`. */
  open(given: unknown[], placed: (Placed | null)[]): void {
    this.handles = [null, ...given];
    this.given = given;
    this.placed = placed;
  }

  /** The value of a handle that the module returned. */
  value(handle: number): unknown {
    return handle === 0 ? undefined : this.handles[handle];
  }

  /** A handle for a value. */
  handle(value: unknown): number {
    return this.handles.push(value) - 1;
  }

  /** Says that the array behind a handle is written to. */
  written(handle: number): void {
    const placed = this.placed[handle - 1];
    if (placed) placed.isWritten = true;
  }

  text(pointer: number, length: number): string {
    return new TextDecoder().decode(new Uint8Array(this.host.memory().buffer, pointer >>> 0, length >>> 0).slice());
  }

  private get view(): DataView {
    const { buffer } = this.host.memory();
    if (this.memoryView.buffer !== buffer) this.memoryView = new DataView(buffer);
    return this.memoryView;
  }

  private word(pointer: number, value: number): Status {
    if (pointer !== 0) this.view.setUint32(pointer >>> 0, value, true);
    return Status.ok;
  }

  private result(pointer: number, value: unknown): Status {
    return this.word(pointer, this.handle(value));
  }

  private byte(pointer: number, value: boolean): Status {
    this.view.setUint8(pointer >>> 0, Number(value));
    return Status.ok;
  }

  private string(pointer: number): string {
    const bytes = new Uint8Array(this.host.memory().buffer);
    const start = pointer >>> 0;
    return this.text(start, bytes.indexOf(0, start) - start);
  }

  private tag(pointer: number): string {
    const [low, high] = [0, 8].map((offset) => this.view.getBigUint64((pointer >>> 0) + offset, true));
    return `${low} ${high}`;
  }

  /** The functions, under the names of the headers; `size_t` and pointers are words of 32 bits. */
  readonly imports = {
    napi_get_cb_info: (_env: number, _info: number, count: number, values: number): Status => {
      const capacity = this.view.getUint32(count >>> 0, true);
      this.word(count, this.given.length);
      for (let i = 0; i < capacity && i < this.given.length; i++) this.word(values + 4 * i, i + 1);
      return Status.ok;
    },
    napi_typeof: (_env: number, value: number, result: number): Status => {
      const given = this.value(value);
      const type = given === null ? 'null' : given instanceof External ? 'external' : typeof given;
      return this.word(result, TYPES.indexOf(type));
    },
    napi_get_value_double: (_env: number, value: number, result: number): Status => {
      const given = this.value(value);
      if (typeof given !== 'number') return Status.numberExpected;
      this.view.setFloat64(result >>> 0, given, true);
      return Status.ok;
    },
    napi_get_value_int32: (_env: number, value: number, result: number): Status => {
      const given = this.value(value);
      return typeof given === 'number' ? this.word(result, given | 0) : Status.numberExpected;
    },
    napi_get_value_bool: (_env: number, value: number, result: number): Status => {
      const given = this.value(value);
      return typeof given === 'boolean' ? this.byte(result, given) : Status.booleanExpected;
    },
    napi_get_value_string_utf8: (_env: number, value: number, to: number, capacity: number, length: number): Status => {
      const given = this.value(value);
      if (typeof given !== 'string') return Status.stringExpected;
      const bytes = new TextEncoder().encode(given).subarray(0, Math.max(0, (capacity >>> 0) - 1));
      const memory = new Uint8Array(this.host.memory().buffer);
      memory.set(bytes, to >>> 0);
      memory[(to >>> 0) + bytes.length] = 0;
      return this.word(length, bytes.length);
    },
    napi_is_typedarray: (_env: number, value: number, result: number): Status => {
      const given = this.value(value);
      return this.byte(result, ArrayBuffer.isView(given) && !(given instanceof DataView));
    },
    napi_get_typedarray_info: (...[, value, type, length, data, buffer, offset]: number[]): Status => {
      const given = this.value(value) as Float32Array;
      const placed = this.placed[value - 1];
      if (!placed || buffer !== 0) return Status.invalidArgument;
      this.word(type, TYPED_ARRAYS.indexOf(given[Symbol.toStringTag]));
      this.word(length, given.length);
      this.word(offset, given.byteOffset);
      return this.word(data, placed.pointer);
    },
    /** The module cannot reach the memory of buffers; there is nothing to prepare in its own. */
    napi_get_arraybuffer_info: (): Status => Status.invalidArgument,

    napi_create_object: (_env: number, result: number): Status => this.result(result, {}),
    napi_create_int32: (_env: number, value: number, result: number): Status => this.result(result, value),
    napi_create_uint32: (_env: number, value: number, result: number): Status => this.result(result, value >>> 0),
    napi_create_int64: (_env: number, value: bigint, result: number): Status => this.result(result, Number(value)),
    napi_create_double: (_env: number, value: number, result: number): Status => this.result(result, value),
    napi_get_boolean: (_env: number, value: number, result: number): Status => this.result(result, value !== 0),
    napi_create_string_utf8: (_env: number, text: number, length: number, result: number): Status =>
      // A length of 2^32 - 1 (NAPI_AUTO_LENGTH) means: up to the zero.
      this.result(result, length >>> 0 === 0xffffffff ? this.string(text) : this.text(text, length)),
    napi_create_function: (...[, , , callback, , result]: number[]): Status =>
      this.result(result, this.host.wrap(callback)),
    napi_set_named_property: (_env: number, object: number, name: number, value: number): Status => {
      (this.value(object) as Record<string, unknown>)[this.string(name)] = this.value(value);
      return Status.ok;
    },

    napi_create_external: (...[, data, finalizer, hint, result]: number[]): Status => {
      const external = new External(data);
      if (finalizer !== 0) this.host.finalize(external, finalizer, data, hint);
      return this.result(result, external);
    },
    napi_get_value_external: (_env: number, value: number, result: number): Status => {
      const given = this.value(value);
      return given instanceof External ? this.word(result, given.data) : Status.invalidArgument;
    },
    napi_type_tag_object: (_env: number, object: number, tag: number): Status => {
      this.tags.set(this.value(object) as object, this.tag(tag));
      return Status.ok;
    },
    napi_check_object_type_tag: (_env: number, object: number, tag: number, result: number): Status =>
      this.byte(result, this.tags.get(this.value(object) as object) === this.tag(tag)),
    napi_get_last_error_info: (_env: number, result: number): Status => this.word(result, 0),
  };
}

/** What is used of the global `WebAssembly`, which TypeScript's libraries declare for browsers only. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

export interface WasmGlobal {
  value: number;
}

export interface WasmTable {
  get(index: number): unknown;
}

/** A compiled module (`WebAssembly.Module`). */
export type WasmModule = object & { readonly __module?: unique symbol };

interface Api {
  compile(bytes: ArrayBuffer | ArrayBufferView): Promise<WasmModule>;
  validate(bytes: ArrayBufferView): boolean;
  instantiate(module: WasmModule, imports: object): Promise<{ exports: object }>;
  Module: {
    new (bytes: ArrayBuffer | ArrayBufferView): WasmModule;
    imports(module: WasmModule): { module: string; name: string; kind: string }[];
  };
}

export const WebAssembly = (globalThis as unknown as { WebAssembly: Api }).WebAssembly;

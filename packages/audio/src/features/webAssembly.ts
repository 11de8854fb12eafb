/** What is used here of the global `WebAssembly`, which TypeScript's libraries declare for browsers only. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** A compiled module. */
export type WasmModule = object & { readonly __module?: unique symbol };

interface Api {
  Module: new (bytes: Uint8Array) => WasmModule;
  Instance: new (module: WasmModule) => { exports: object };
}

export const WebAssembly = (globalThis as unknown as { WebAssembly: Api }).WebAssembly;

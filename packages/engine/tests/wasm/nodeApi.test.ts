import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { NodeApi } from '../../src/wasm/nodeApi.js';
import { WasmInstance } from '../../src/wasm/wasmAddon.js';
import { WebAssembly } from '../../src/wasm/webAssembly.js';

const HALF = 2 ** 31;

/** The functions over a memory of which nothing but its upper end is touched. */
describe('Node-API above 2 GiB', () => {
  const buffer = new ArrayBuffer(HALF + 4096);
  const view = new DataView(buffer);
  const bytes = new Uint8Array(buffer);
  /** As WebAssembly hands over a pointer to there. */
  const pointer = (offset: number) => (HALF + offset) | 0;
  let api: NodeApi;

  beforeEach(() => {
    bytes.fill(0, HALF);
    api = new NodeApi({ memory: () => ({ buffer }), wrap: () => () => undefined, finalize: () => {} });
  });

  it('reads texts by their length and to their end', () => {
    bytes.set(new TextEncoder().encode('größer\0rest'), HALF + 100);
    expect(api.text(pointer(100), 8)).toBe('größer');
    const { napi_create_string_utf8, napi_create_object, napi_set_named_property } = api.imports;
    napi_create_string_utf8(0, pointer(100), -1, pointer(0));
    const text = view.getUint32(HALF, true);
    expect(api.value(text)).toBe('größer');
    napi_create_object(0, pointer(0));
    const object = view.getUint32(HALF, true);
    napi_set_named_property(0, object, pointer(100), text);
    expect(api.value(object)).toEqual({ größer: 'größer' });
  });

  it('writes what arguments are', () => {
    const floats = new Float32Array(3);
    api.open([1.5, 'words', true, floats], [null, null, null, { pointer: HALF + 512, isWritten: false }]);
    const { imports } = api;
    view.setUint32(HALF, 3, true);
    imports.napi_get_cb_info(0, 0, pointer(0), pointer(16));
    expect([0, 16, 20, 24, 28].map((offset) => view.getUint32(HALF + offset, true))).toEqual([4, 1, 2, 3, 0]);
    imports.napi_get_value_double(0, 1, pointer(32));
    expect(view.getFloat64(HALF + 32, true)).toBe(1.5);
    imports.napi_get_value_string_utf8(0, 2, pointer(64), 5, pointer(0));
    expect(api.text(HALF + 64, view.getUint32(HALF, true))).toBe('word');
    imports.napi_get_value_bool(0, 3, pointer(4));
    imports.napi_is_typedarray(0, 4, pointer(5));
    expect([bytes[HALF + 4], bytes[HALF + 5]]).toEqual([1, 1]);
    imports.napi_get_typedarray_info(0, 4, pointer(8), pointer(12), pointer(16), 0, pointer(20));
    expect(view.getUint32(HALF + 12, true)).toBe(3);
    expect(view.getUint32(HALF + 16, true)).toBe(HALF + 512);
  });

  it('keeps pointers and tags', () => {
    const { imports } = api;
    imports.napi_create_external(0, pointer(800), 0, 0, pointer(0));
    const external = view.getUint32(HALF, true);
    imports.napi_get_value_external(0, external, pointer(0));
    expect(view.getUint32(HALF, true)).toBe(HALF + 800);
    bytes.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], HALF + 200);
    imports.napi_type_tag_object(0, external, pointer(200));
    imports.napi_check_object_type_tag(0, external, pointer(200), pointer(0));
    imports.napi_check_object_type_tag(0, external, pointer(208), pointer(1));
    expect([bytes[HALF], bytes[HALF + 1]]).toEqual([1, 0]);
  });
});

it('a WebAssembly module whose lower 2 GiB are full says what it says otherwise', async () => {
  const wasmModule = new WebAssembly.Module(readFileSync(new URL('../../wasm/cadenza.wasm', import.meta.url)));
  const instance = await WasmInstance.create(wasmModule);
  const { addon } = instance;
  // The pages are never touched.
  for (let i = 0; i < 5; i++) instance.allocate(420e6);
  while (instance.allocate(64) < HALF);
  const [x, y] = [new Float32Array(3), new Float32Array(4)];
  expect(() => addon.unary(0, x, y)).toThrow(
    expect.objectContaining({
      code: 'CADENZA_ARGUMENT',
      message: 'Expected y to be a Float32Array of length 3, got a Float32Array of length 4',
    }),
  );
  const packed = addon.packRnn(8, new Float32Array(64));
  expect(() => addon.freePacked({} as never)).toThrow('Expected packed to be packed weights, got something else');
  addon.freePacked(packed);
});

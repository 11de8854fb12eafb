import { readFileSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { hasWasmSimd } from '../../src/wasm/registerWasmBackend.js';
import { WebAssembly } from '../../src/wasm/webAssembly.js';
// @ts-expect-error: a script without types
import { stampFile, wasmDigest, wasmFile } from '../../scripts/wasmSources.mjs';

it('the committed WebAssembly module is made from these sources', () => {
  const { sources } = JSON.parse(readFileSync(stampFile as string, 'utf8')) as { sources: string };
  const howTo = 'native/ has changed: run node packages/engine/scripts/buildWasm.mjs and commit packages/engine/wasm';
  expect(sources, howTo).toBe((wasmDigest as () => string)());
});

it('the committed WebAssembly module is small, and asks for nothing that src/wasm does not give', () => {
  expect(statSync(wasmFile as string).size).toBeLessThan(500_000);
  const wanted = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(wasmFile as string)));
  const modules = new Set(wanted.map(({ module }) => module));
  expect([...modules].sort()).toEqual(['cadenza', 'napi', 'wasi_snapshot_preview1']);
  const printing = wanted.filter(({ module, name }) => module.startsWith('wasi') && name !== 'clock_time_get');
  expect(printing.map(({ name }) => name).filter((name) => !/^fd_(close|seek|write)$/.test(name))).toEqual([]);
  const napi = readFileSync(new URL('../../src/wasm/nodeApi.ts', import.meta.url), 'utf8');
  for (const { module, name } of wanted) if (module === 'napi') expect(napi).toContain(`${name}:`);
});

it('knows that this machine’s WebAssembly has vectors', () => expect(hasWasmSimd()).toBe(true));

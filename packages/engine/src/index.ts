export { loadAddon, type Addon } from './addon.js';
export type { PoolStatistics } from './bufferPool.js';
export type { NativeBackend } from './nativeBackend.js';
export { registerNativeBackend } from './registerNativeBackend.js';
export {
  activeNativeBackend,
  selectBackend,
  type BackendChoice,
  type BackendName,
  type Precision,
  type SelectBackendOptions,
  type SelectedBackend,
} from './selectBackend.js';

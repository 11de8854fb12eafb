import type { Kernel } from './kernel.js';

export const gruKernel: Kernel = () => {
  throw new Error('unfinished');
};
export const gruGradKernel: Kernel = () => {
  throw new Error('unfinished');
};

import type { Kernel } from './kernel.js';

export const rnnKernel: Kernel = () => {
  throw new Error('unfinished');
};
export const rnnGradKernel: Kernel = () => {
  throw new Error('unfinished');
};

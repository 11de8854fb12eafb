export * from './wav/audioClip.js';
export * from './wav/wavFormat.js';
export * from './wav/readWav.js';
export * from './wav/wavStream.js';
export * from './wav/writeWav.js';
export * from './resample/resampler.js';

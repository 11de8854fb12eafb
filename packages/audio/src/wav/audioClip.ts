import { ConfigError, expected } from '@cadenza/core';

/** Sound in memory. */
export interface AudioClip {
  /** One array a channel, all of one length, in [-1, 1] (a float file may go beyond). */
  samples: Float32Array[];
  /** In hertz. */
  sampleRate: number;
  channels: number;
  /** In seconds. */
  duration: number;
}

/** Which channels to keep: every one, their mean, or one by its number from 0. */
export type ChannelChoice = 'all' | 'mix' | number;

/** Sound of at least one channel, all of one length, as a clip; not copied. */
export function audioClip(samples: Float32Array[], sampleRate: number): AudioClip {
  return { samples, sampleRate, channels: samples.length, duration: samples[0].length / sampleRate };
}

/** The mean of all channels, as the one channel of a recogniser. A single channel is handed back, not copied. */
export function mixChannels(samples: readonly Float32Array[]): Float32Array {
  if (samples.length === 1) return samples[0];
  const mixed = new Float32Array(samples[0].length);
  for (let frame = 0; frame < mixed.length; frame++) {
    let sum = 0;
    for (let channel = 0; channel < samples.length; channel++) sum += samples[channel][frame];
    mixed[frame] = sum / samples.length;
  }
  return mixed;
}

/** @throws {ConfigError} for a channel that is not there, or another word */
export function chooseChannels(samples: Float32Array[], choice: ChannelChoice): Float32Array[] {
  if (choice === 'all') return samples;
  if (choice === 'mix') return [mixChannels(samples)];
  if (!Number.isInteger(choice) || choice < 0 || choice >= samples.length) {
    throw new ConfigError(expected('channels', `all, mix or a number from 0 to ${samples.length - 1}`, choice));
  }
  return [samples[choice]];
}

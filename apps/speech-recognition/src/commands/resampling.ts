import type { Output } from '@cadenza/cli';

/** Tells people of recordings whose rate is not the model's. */
export function tellOfRates(output: Output, modelRate: number): (rate: number, recording: { id: string }) => void {
  return (rate, { id }) => output.say(`${rate} Hz becomes ${modelRate} Hz: ${id}, and what else has this rate`);
}

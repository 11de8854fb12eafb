import type { UtteranceTranscript } from '../transcript.js';

/** Counts what was transcribed, and how long it took. */
export class Tally {
  recordings = 0;
  failed = 0;
  /** Of sound. */
  audioSeconds = 0;
  /** Of work. */
  seconds = 0;
  private utterances = 0;
  private words = 0;

  count({ words }: UtteranceTranscript): void {
    this.utterances++;
    this.words += words.length;
  }

  /** Counts the time of some work. */
  async time<T>(work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.seconds += (performance.now() - started) / 1000;
    }
  }

  /** A line for people. */
  summary(): string {
    const { recordings, failed, audioSeconds, seconds } = this;
    const not = failed > 0 ? `, ${failed} could not be` : '';
    const factor = audioSeconds > 0 ? ` (real-time factor ${(seconds / audioSeconds).toPrecision(2)})` : '';
    return `${recordings} transcribed${not}; ${audioSeconds.toFixed(1)} s of sound in ${seconds.toFixed(2)} s${factor}`;
  }

  /** What `--json` ends with. */
  object(): Record<string, number | null> {
    const { recordings, failed, utterances, words, audioSeconds, seconds } = this;
    return {
      ...{ recordings, failed, utterances, words, audio_seconds: audioSeconds, seconds },
      real_time_factor: audioSeconds > 0 ? seconds / audioSeconds : null,
    };
  }
}

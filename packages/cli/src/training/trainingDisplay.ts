import type { Metrics, TrainerHooks } from '@cadenza/core';
import type { Output } from '../output.js';
import { createProgress, formatCount, formatDuration, type Progress } from '../progress.js';

export interface DisplayedPlan {
  /** Where the run begins (after a resume) and is planned to end. */
  firstStep: number;
  plannedSteps: number;
  maxMinutes: number | null;
  /** What tokens are called, such as characters or words. */
  unit: string;
}

/** A validation in a few characters, for beside the bar, and in a line. */
export interface DisplayedValidation {
  short: string;
  long: string;
}

/** Shows a training to people: loss, speed, time left and validation beside a bar; samples and new bests above it. */
export interface TrainingDisplay {
  hooks: TrainerHooks;
  start(plan: DisplayedPlan): void;
  stop(): void;
}

export function trainingDisplay(
  output: Output,
  describeValidation: (metrics: Metrics) => DisplayedValidation,
): TrainingDisplay {
  let plan: DisplayedPlan = { firstStep: 0, plannedSteps: 0, maxMinutes: null, unit: '' };
  let progress: Progress | undefined;
  let smoothed: number | undefined;
  let validation = '';
  const note = (line: string): void => progress?.note(line);
  return {
    start(begun) {
      plan = begun;
      progress = createProgress(output, {
        label: 'train',
        total: plan.plannedSteps,
        format: (value, total) => `step ${value}/${total}`,
      });
    },
    stop() {
      progress?.stop();
      progress = undefined;
    },
    hooks: {
      onStep({ step, loss, tokensPerSecond, seconds, epoch }) {
        if (Number.isFinite(loss)) smoothed = smoothed === undefined ? loss : smoothed + 0.05 * (loss - smoothed);
        const { firstStep, plannedSteps, maxMinutes, unit } = plan;
        const pace = seconds / Math.max(1, step - firstStep);
        const left = Math.min(pace * (plannedSteps - step), (maxMinutes ?? Infinity) * 60 - seconds);
        const parts = [
          `loss ${smoothed?.toFixed(3) ?? '-'}`,
          ...(validation === '' ? [] : [`validation ${validation}`]),
          `epoch ${(epoch ?? 0).toFixed(2)}`,
          `${formatCount(tokensPerSecond)} ${unit}/s`,
          `${formatDuration(left)} left`,
        ];
        progress?.update(step, parts.join('  '));
      },
      onValidate({ step, metrics, isBest, final }) {
        const { short, long } = describeValidation(metrics);
        validation = short;
        note(`step ${step}: validation ${long}${isBest ? ', the best so far' : ''}${final ? ' (at the end)' : ''}`);
      },
      onSample: ({ text }) => note(indent(text)),
      onWarning: (line) => (progress === undefined || output.quiet ? output.warn(line) : progress.note(line)),
    },
  };
}

function indent(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}

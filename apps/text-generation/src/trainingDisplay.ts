import { createProgress, formatCount, formatDuration, type Output, type Progress } from '@cadenza/cli';
import type { TrainerHooks } from '@cadenza/core';

export interface DisplayedPlan {
  /** Where the run begins (after a resume) and is planned to end. */
  firstStep: number;
  plannedSteps: number;
  maxMinutes: number | null;
  /** What tokens are called: characters or words. */
  unit: string;
}

/** Shows a training to people: loss, speed, time left and validation beside a bar; samples and new bests above it. */
export interface TrainingDisplay {
  hooks: TrainerHooks;
  start(plan: DisplayedPlan): void;
  stop(): void;
}

export function trainingDisplay(output: Output): TrainingDisplay {
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
        validation = metrics.loss.toFixed(4);
        const measured = `step ${step}: validation ${validation} nats, ${metrics.bits.toFixed(3)} bits`;
        note(`${measured}${isBest ? ', the best so far' : ''}${final ? ' (at the end)' : ''}`);
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

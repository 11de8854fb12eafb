import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createOutput, learningShape, plannedSteps } from '../../src/index.js';
import { warnOfScheduleEnd } from '../../src/training/scheduleEnd.js';

const learning = z.object(learningShape).parse({});

describe('plannedSteps', () => {
  it('counts a part of a batch as a step, and the error of a product as none', () => {
    expect(plannedSteps({ ...learning, epochs: 1.1 }, 50)).toBe(55);
    expect(plannedSteps({ ...learning, epochs: 1.11 }, 50)).toBe(56);
    expect(plannedSteps({ ...learning, epochs: 1.1, maxSteps: 7 }, 50)).toBe(7);
  });
});

describe('warnOfScheduleEnd', () => {
  const said = (schedule: object, firstStep: number, steps: number): string => {
    let lines = '';
    const stderr = { write: (line: string) => (lines += line) } as unknown as NodeJS.WritableStream;
    const config = { ...learning, schedule: { ...learning.schedule, ...schedule } };
    warnOfScheduleEnd(config, { firstStep, plannedSteps: steps }, createOutput({ stderr, quiet: true }));
    return lines;
  };

  it('says in a line where a training goes on with next to no learning rate', () => {
    expect(said({ steps: 5 }, 3, 25)).toBe(
      'The learning rate is 0 in steps 6 to 25: the cosine ends at step 5; ' +
        '--set training.schedule.steps=25 lets it end with the run\n',
    );
    expect(said({ steps: 5 }, 7, 25)).toContain('The learning rate is 0 in steps 8 to 25');
    expect(said({ steps: 5, finalFraction: 0.0005 }, 7, 25)).toContain(
      'The learning rate is 0.000001 in steps 8 to 25',
    );
  });

  it('is silent where the rate stays, the schedule ends with the run, or nothing is left to do', () => {
    expect(said({ steps: 5, finalFraction: 0.1 }, 7, 25)).toBe('');
    expect(said({ steps: 25 }, 7, 25)).toBe('');
    expect(said({ steps: 5 }, 25, 25)).toBe('');
    expect(said({ name: 'constant', steps: null }, 7, 25)).toBe('');
  });
});

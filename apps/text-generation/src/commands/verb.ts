import { addVerb as addPlainVerb, type ActionContext, type CommonOptions } from '@cadenza/cli';
import type { Command } from 'commander';

/**
 * Adds a verb that may wait for standard input: Ctrl-C, which aborts that wait, ends it without an error. The exit code is then
 * 130, as after any Ctrl-C.
 */
export function addVerb<Options extends CommonOptions>(
  program: Command,
  name: string,
  description: string,
  action: (options: Options, context: ActionContext) => Promise<void>,
  configure: (verb: Command) => void,
): Command {
  const interruptible = async (options: Options, context: ActionContext): Promise<void> => {
    try {
      await action(options, context);
    } catch (error) {
      if (!(context.signal.aborted && (error as Error).name === 'AbortError')) throw error;
    }
  };
  return addPlainVerb(program, name, description, interruptible, configure);
}

import type { Command } from 'commander';
export function addInspectVerb(_program: Command): void {}

import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** Imports run downward only: apps -> {text, audio, engine, cli} -> core. Packages of one layer do not know one another. */
export const layerConstraints = [
  { sourceTag: 'layer:core', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'layer:domain', onlyDependOnLibsWithTags: ['layer:core'] },
  { sourceTag: 'layer:engine', onlyDependOnLibsWithTags: ['layer:core'] },
  { sourceTag: 'layer:cli', onlyDependOnLibsWithTags: ['layer:core'] },
  {
    sourceTag: 'layer:app',
    onlyDependOnLibsWithTags: ['layer:core', 'layer:domain', 'layer:engine', 'layer:cli'],
  },
  {
    sourceTag: 'layer:tools',
    onlyDependOnLibsWithTags: ['layer:core', 'layer:domain', 'layer:engine', 'layer:cli'],
  },
];

export default tseslint.config(
  { ignores: ['**/dist', '**/build', '**/reports', '**/runs', '.nx', 'tools/**/files/**', '**/coverage'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.{ts,mts,cts,js,mjs,cjs}'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { enforceBuildableLibDependency: false, allow: [], depConstraints: layerConstraints },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'off',
    },
  },
  {
    // An example imports its own package by name, as a user would; all other borders hold for it too.
    files: ['packages/*/examples/**'],
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allowCircularSelfDependency: true,
          allow: [],
          depConstraints: layerConstraints,
        },
      ],
    },
  },
  { files: ['**/vitest*.config.ts', 'apps/*/e2e/command.ts'], rules: { '@nx/enforce-module-boundaries': 'off' } },
  prettier,
);

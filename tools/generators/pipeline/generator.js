import { fileURLToPath } from 'node:url';
import { formatFiles, generateFiles, getProjects, installPackagesTask, readJson, updateJson } from '@nx/devkit';

/**
 * Scaffolds `apps/NAME`: a pipeline on core with its own command that trains an LSTM on a toy task, ready to be given
 * its own data and model.
 *
 * @param {import('@nx/devkit').Tree} tree
 * @param {{ name: string, skipInstall?: boolean }} options
 */
export default async function pipelineGenerator(tree, options) {
  const { name } = options;
  checkName(tree, name);
  const core = readJson(tree, 'packages/core/package.json');
  const cli = readJson(tree, 'packages/cli/package.json');
  const className = name.replace(/(^|-)([a-z0-9])/g, (_, _hyphen, letter) => letter.toUpperCase());
  generateFiles(tree, fileURLToPath(new URL('files', import.meta.url)), `apps/${name}`, {
    name,
    command: `cadenza-${name}`,
    className,
    version: core.version,
    node: core.engines.node,
    tfjs: core.dependencies['@tensorflow/tfjs-core'],
    commander: cli.dependencies.commander,
    zod: cli.dependencies.zod,
  });
  updateJson(tree, 'tsconfig.json', (config) => {
    const paths = new Set([
      ...config.references.map((/** @type {{ path: string }} */ { path }) => path),
      `apps/${name}`,
    ]);
    return { ...config, references: [...paths].map((path) => ({ path })) };
  });
  await formatFiles(tree);
  return () => {
    if (!options.skipInstall) installPackagesTask(tree, true);
  };
}

/**
 * @param {import('@nx/devkit').Tree} tree
 * @param {string} name
 */
function checkName(tree, name) {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new Error(`Expected name to be small letters, digits and single hyphens, such as time-series, got ${name}`);
  }
  if (name.length > 40) throw new Error(`Expected name to have at most 40 letters, got ${name.length}`);
  if (getProjects(tree).has(name)) throw new Error(`Expected name to be new, got the project ${name}, which exists`);
  if (tree.exists(`apps/${name}`)) throw new Error(`Expected apps/${name} to be free, got a folder that exists`);
}

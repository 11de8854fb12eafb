/**
 * Runs the specifications that come with TensorFlow.js's own package on one backend (`node bundle.mjs native`) and prints one
 * JSON object. tfjsSpecs.test.ts bundles it, so that they, the cpu backend and the engine share one TensorFlow.js.
 */
import jasmineRequire from 'jasmine-core';

const jasmine = jasmineRequire.boot(); // makes the globals that the specifications use, so it comes first
const backend = process.argv[2];

const { setTestEnvs } = await import('@tensorflow/tfjs-core/dist/jasmine_util');
await import('@tensorflow/tfjs-core/dist/register_all_gradients');
await import('@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops');
await import('@tensorflow/tfjs-backend-cpu');
const { registerNativeBackend } = await import('../../src/registerNativeBackend.js');
registerNativeBackend();
setTestEnvs([{ name: 'test', backendName: backend, isDataSync: true }]);
await import('@tensorflow/tfjs-core/dist/tests');

const failed = [];
let passed = 0;
const env = jasmine.getEnv();
env.configure({ random: false });
env.clearReporters();
env.addReporter({
  specDone({ fullName, status, failedExpectations }) {
    if (status === 'passed') passed++;
    if (status === 'failed') failed.push(`${fullName}: ${failedExpectations[0]?.message}`);
  },
});
await env.execute();
process.stdout.write(`\n${JSON.stringify({ passed, failed })}\n`, () => process.exit(0));

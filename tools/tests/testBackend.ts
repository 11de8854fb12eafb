import { selectBackend, type BackendChoice } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Runs a package's tests on another backend than cpu, which they name themselves: with CADENZA_TEST_BACKEND=native (or
 * tensorflow, wasm) in the environment, `tf.setBackend('cpu')` makes that one active instead.
 */
const wanted = process.env.CADENZA_TEST_BACKEND as BackendChoice;
const { name } = await selectBackend(wanted);
const engine = tf.engine();
const setBackend = engine.setBackend.bind(engine);
engine.setBackend = (asked) => setBackend(asked === 'cpu' ? name : asked);

/** `import '@cadenza/engine/register'`: then `await tf.setBackend('native')` works in any TensorFlow.js program. */
import { registerNativeBackend } from './registerNativeBackend.js';

registerNativeBackend();

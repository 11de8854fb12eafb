import { projectConfig } from '../../vitest.base.ts';

export default projectConfig('speech-recognition e2e', { include: ['e2e/**/*.test.ts'], timeout: 240_000 });

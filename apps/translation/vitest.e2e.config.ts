import { projectConfig } from '../../vitest.base.ts';

export default projectConfig('translation e2e', { include: ['e2e/**/*.test.ts'], timeout: 240_000 });

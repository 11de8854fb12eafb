import { projectConfig } from '../vitest.base.ts';

export default projectConfig('tools', { coverage: false, timeout: 240_000 });

import { projectConfig } from '../../vitest.base.ts';

export default projectConfig('speech-recognition');

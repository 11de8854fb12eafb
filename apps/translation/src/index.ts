export { dataSets } from './dataSets.js';

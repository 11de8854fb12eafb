export { escapeHtml, markup, Html, jsonScript, showControls, withAsset, type PageAsset } from './html.js';
export { htmlPage, type Page, type PageSection } from './page.js';
export { columns, folded, table, tiles, verbatim, type Column, type Table, type Tile } from './pieces.js';
export { COLOURED_TEXT, colouredText, type ColouredPiece } from './colouredText.js';
export { lineChart, type LineChart, type Series } from './lineChart.js';
export { renderTrainingReport, type ReportMetrics, type ReportSample, type TrainingReport } from './trainingReport.js';

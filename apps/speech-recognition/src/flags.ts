import { learningFlags, type ConfigFlag } from '@cadenza/cli';

/** The flags of `train` that stand for a configuration value. */
export const configFlags: readonly ConfigFlag[] = [
  ['--task <name>', 'task', ['transcribe', 'classify'], 'what was said, or one label a recording', 'Data'],
  ['--without-speaker <name>', 'data.withoutSpeakers', 'texts', 'leave a speaker out, to test on; repeatable', 'Data'],
  ['--held-out <part>', 'data.heldOut', 'number', 'of the recordings, for validation', 'Data'],
  ['--unit <name>', 'text.unit', ['character', 'word'], 'what a symbol stands for', 'Data'],
  ['--features <kind>', 'features.kind', ['mfcc', 'filterbank', 'sphinx'], 'what frames are made of', 'Features'],
  ['--sample-rate <hertz>', 'features.sampleRate', 'count', 'other sound is resampled', 'Features'],
  ['--deltas <order>', 'features.deltas', 'whole', 'differences of frames: 0, 1 or 2', 'Features'],
  [
    '--normalization <kind>',
    'features.normalization',
    ['utterance', 'speaker', 'running', 'training', 'none'],
    'of features',
    'Features',
  ],
  ['--stack <frames>', 'features.stack', 'count', 'that are read side by side', 'Features'],
  ['--stride <frames>', 'features.stride', 'count', 'between two stacks', 'Features'],
  ['--cell <name>', 'model.cell', ['lstm', 'gru', 'rnn'], 'of the network', 'Model'],
  ['--hidden <number>', 'model.hiddenSize', 'count', 'units of each layer and direction', 'Model'],
  ['--layers <number>', 'model.layers', 'count', 'of the network', 'Model'],
  ['--dropout-input <rate>', 'model.dropout.input', 'number', 'of the features', 'Regularisation'],
  ['--dropout-between <rate>', 'model.dropout.between', 'number', 'between layers', 'Regularisation'],
  ['--dropout-output <rate>', 'model.dropout.output', 'number', 'before the symbols', 'Regularisation'],
  ['--dropout-recurrent <rate>', 'model.dropout.recurrent', 'number', 'of the state', 'Regularisation'],
  ['--weight-decay <number>', 'training.optimizer.weightDecay', 'number', 'of adamw', 'Regularisation'],
  ['--batch-frames <number>', 'training.batchFrames', 'count', 'of a batch, padding included', 'Training'],
  ['--batch <number>', 'training.batchRecordings', 'count', 'most recordings of a batch', 'Training'],
  ['--patience <number>', 'monitoring.patience', 'count', 'validations without a new best to wait for', 'Training'],
  ...learningFlags,
];

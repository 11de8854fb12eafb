/** The part of TensorFlow's Event protocol buffer that Cadenza writes (event.proto, summary.proto, tensor.proto). */
export interface EventMessage {
  /** Seconds since 1970. */
  wallTime: number;
  step?: number;
  fileVersion?: string;
  /** One value per tag. */
  scalars?: Record<string, number>;
  text?: { tag: string; text: string };
  /** A restart: readers forget what they had from `step` on. */
  sessionStart?: boolean;
}

const WIRE_VARINT = 0;
const WIRE_64_BIT = 1;
const WIRE_BYTES = 2;
const WIRE_32_BIT = 5;

const DT_STRING = 7;
const SESSION_START = 1;

/** Serialises an event. */
export function encodeEvent(event: EventMessage): Uint8Array {
  const parts = [float64(1, event.wallTime)];
  if (event.step !== undefined) parts.push(varint(2, event.step));
  if (event.fileVersion !== undefined) parts.push(text(3, event.fileVersion));
  const values: Uint8Array[] = [];
  for (const [tag, value] of Object.entries(event.scalars ?? {}))
    values.push(message(1, [text(1, tag), float32(2, value)]));
  if (event.text) values.push(textValue(event.text.tag, event.text.text));
  if (values.length > 0) parts.push(message(5, values));
  if (event.sessionStart) parts.push(message(7, [varint(1, SESSION_START)]));
  return Buffer.concat(parts);
}

/** A Summary.Value for TensorBoard's text plugin: a string tensor of shape [1]. */
function textValue(tag: string, value: string): Uint8Array {
  const shape = message(2, [message(2, [varint(1, 1)])]);
  const tensor = message(8, [varint(1, DT_STRING), shape, text(8, value)]);
  const metadata = message(9, [message(1, [text(1, 'text')])]);
  return message(1, [text(1, tag), tensor, metadata]);
}

function key(field: number, wire: number): Uint8Array {
  return base128((field << 3) | wire);
}

/** Seven bits a byte, the lowest first, the eighth bit saying that more follow; safe integers of at least 0. */
function base128(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  bytes.push(value);
  return Uint8Array.from(bytes);
}

function varint(field: number, value: number): Uint8Array {
  return Buffer.concat([key(field, WIRE_VARINT), base128(value)]);
}

function float64(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(field, WIRE_64_BIT), bytes]);
}

function float32(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(field, WIRE_32_BIT), bytes]);
}

function text(field: number, value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([key(field, WIRE_BYTES), base128(bytes.length), bytes]);
}

function message(field: number, parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts);
  return Buffer.concat([key(field, WIRE_BYTES), base128(body.length), body]);
}

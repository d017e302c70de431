/** This module turns an ONNX file's bytes into the same model with other shapes written in it. */

import { MienError } from "./errors";

// The field numbers of onnx.proto that lead to a tensor's shape.
const GRAPH = 7; // ModelProto.graph
const [INPUT, OUTPUT, VALUE_INFO] = [11, 12, 13]; // GraphProto
const SHAPE_PATH = [2, 1, 2]; // type, tensor_type, shape
const [DIM, DIM_PARAM] = [1, 2];

interface Field {
  readonly number: number;
  readonly raw: Uint8Array;
  readonly payload: Uint8Array;
}

/**
 * Make the height and width of an ONNX model's input free, as `yunet.py` does, byte for byte.
 *
 * @throws MienError The bytes are no ONNX file.
 */
export function freeShapes(model: Uint8Array, name: string): Uint8Array {
  const text = new TextEncoder();
  const sizes = new Map([
    [2, text.encode("height")],
    [3, text.encode("width")],
  ]);
  try {
    const bare = edit(model, [GRAPH, VALUE_INFO], () => null);
    const output = edit(bare, [GRAPH, OUTPUT, ...SHAPE_PATH], (old) => free(old, new Map([[1, new Uint8Array()]])));
    return edit(output, [GRAPH, INPUT, ...SHAPE_PATH], (old) => free(old, sizes));
  } catch (error) {
    if (error instanceof RangeError) {
      throw new MienError("model", `${name} is not an ONNX file, or is damaged; load the page again.`);
    }
    throw error;
  }
}

/** Put symbols, or nothing at all, in place of some of a shape's dimensions. */
function free(shape: Uint8Array, symbols: Map<number, Uint8Array>): Uint8Array {
  const dimensions = fields(shape)
    .filter((field) => field.number === DIM)
    .map((field) => field.raw);
  for (const [axis, symbol] of symbols) {
    if (axis >= dimensions.length) {
      throw new RangeError("a shape lacks an axis");
    }
    dimensions[axis] = writeField(DIM, symbol.length ? writeField(DIM_PARAM, symbol) : symbol);
  }
  return join(dimensions);
}

/** Change every field that a path of field numbers leads to; null drops the field. */
function edit(message: Uint8Array, path: number[], change: (old: Uint8Array) => Uint8Array | null): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { number, raw, payload } of fields(message)) {
    if (number !== path[0]) {
      parts.push(raw);
      continue;
    }
    const changed = path.length > 1 ? edit(payload, path.slice(1), change) : change(payload);
    if (changed !== null) {
      parts.push(writeField(number, changed));
    }
  }
  return join(parts);
}

/** Walk a protobuf message: each field's number, its whole bytes, and its payload. */
function fields(message: Uint8Array): Field[] {
  const found: Field[] = [];
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (position >= message.length) {
        throw new RangeError("a number reaches past the end");
      }
      const byte = message[position++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        return value;
      }
    }
  };
  while (position < message.length) {
    const start = position;
    const key = varint();
    let payload = new Uint8Array();
    const wireType = key % 8;
    if (wireType === 0) {
      varint();
    } else if (wireType === 2) {
      const length = varint();
      payload = message.slice(position, position + length);
      position += length;
    } else if (wireType === 1 || wireType === 5) {
      position += wireType === 1 ? 8 : 4;
    } else {
      throw new RangeError(`no such wire type: ${wireType}`);
    }
    if (position > message.length) {
      throw new RangeError("a field reaches past the end");
    }
    found.push({ number: Math.floor(key / 8), raw: message.subarray(start, position), payload });
  }
  return found;
}

/** Write a length-delimited field. */
function writeField(number: number, payload: Uint8Array): Uint8Array {
  return join([writeVarint(number * 8 + 2), writeVarint(payload.length), payload]);
}

function writeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  while (value > 0x7f) {
    bytes.push((value % 128) | 0x80);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
  return Uint8Array.from(bytes);
}

function join(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}

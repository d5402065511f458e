/**
 * The size of an image in pixels, such as `640x480`; `an image` where its format has none or is another one.
 *
 * @param base64 the image as an output carries it
 */
export function imageSize(type: string, base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  const size = SIZES[type]?.(bytes) ?? null;
  return size === null ? 'an image' : `${size[0]}x${size[1]}`;
}

type Size = readonly [width: number, height: number] | null;

const SIZES: Readonly<Record<string, (bytes: Buffer) => Size>> = {
  'image/png': (bytes) => (bytes.length < 24 ? null : [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]),
  'image/gif': (bytes) => (bytes.length < 10 ? null : [bytes.readUInt16LE(6), bytes.readUInt16LE(8)]),
  'image/jpeg': jpegSize,
};

/** Of the first start-of-frame segment (ITU T.81, B.2.2). */
function jpegSize(bytes: Buffer): Size {
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; at += 2 + bytes.readUInt16BE(at + 2)) {
    const marker = bytes[at + 1] ?? 0;
    // C4, C8 and CC are in the range of frames, and begin none.
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
  }
  return null;
}

/**
 * What a PNG says in words: tEXt chunks, and XMP in an iTXt chunk, put into a file that somebody else encoded (fast-png,
 * a canvas). PNG specification, third edition, 11.3.3; XMP specification, part 3, 1.1.5.
 */

const SIGNATURE_BYTES = 8;
/** Length, type, 13 bytes and CRC: the header is always the first chunk. */
const HEADER_BYTES = 25;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = CRC_TABLE[(c ^ byte) & 0xff]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(latin1(type), 4);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** tEXt is Latin-1; typographic signs that are not in it get their plain forms. */
export function toLatin1(text: string): string {
  return text
    .replace(/[–—−]/g, '-')
    .replace(/[‘’]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/[^\n\u0020-\u007e\u00a0-\u00ff]/g, '?');
}

/** JSON keeps every character by escaping what Latin-1 has not got. */
export function toLatin1Json(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\u0020-\u007e]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const XMP_KEYWORD = 'XML:com.adobe.xmp';

/**
 * The file with its texts and its XMP packet right after the header.
 * @param text keyword (1 to 79 Latin-1 characters) to value; the value must be Latin-1 without control characters.
 * @throws RangeError when the bytes are not a PNG.
 */
export function withText(png: Uint8Array, text: Readonly<Record<string, string>>, xmp: string): Uint8Array {
  const head = SIGNATURE_BYTES + HEADER_BYTES;
  if (png.length < head || png[1] !== 0x50 || png[2] !== 0x4e || png[3] !== 0x47)
    throw new RangeError('not a PNG');
  const parts = [
    png.subarray(0, head),
    ...Object.entries(text).map(([keyword, value]) => chunk('tEXt', latin1(`${keyword}\0${value}`))),
    // Keyword, not compressed (two bytes), no language, no translated keyword.
    chunk('iTXt', join([latin1(`${XMP_KEYWORD}\0\0\0\0\0`), new TextEncoder().encode(xmp)])),
    png.subarray(head),
  ];
  return join(parts);
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** What IPTC calls a picture made wholly by a trained model. */
export const DIGITAL_SOURCE_TYPE = 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia';

const escapeXml = (text: string) =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

/** An XMP packet that says how the picture came about, in the words of IPTC's vocabulary. */
export function xmpPacket(about: { tool: string; description: string; rights: string }): string {
  const alternative = (text: string) =>
    `<rdf:Alt><rdf:li xml:lang="x-default">${escapeXml(text)}</rdf:li></rdf:Alt>`;
  return [
    '<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">',
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    '<rdf:Description rdf:about=""',
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"',
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"',
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/">',
    `<Iptc4xmpExt:DigitalSourceType>${DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>`,
    `<xmp:CreatorTool>${escapeXml(about.tool)}</xmp:CreatorTool>`,
    `<dc:description>${alternative(about.description)}</dc:description>`,
    `<dc:rights>${alternative(about.rights)}</dc:rights>`,
    '</rdf:Description>',
    '</rdf:RDF>',
    '</x:xmpmeta>',
    '<?xpacket end="r"?>',
  ].join('\n');
}

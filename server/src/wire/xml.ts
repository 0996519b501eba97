import type { Members, Shape } from '../shape.ts'

/**
 * Writes a structure's members as XML after their shapes, in the table's order: lists as `<member>`, maps as
 * `<entry><key/><value/></entry>`, bytes as base64, times in ISO 8601. Members that are undefined are left out, and so
 * are those that the table does not know.
 * @see Smithy, "AWS query protocol", serialization of outputs
 */
export function xmlMembers(members: Members, structure: object): string {
  let xml = ''
  for (const [name, shape] of Object.entries(members)) {
    const value = (structure as Record<string, unknown>)[name]
    if (value !== undefined && value !== null) xml += `<${name}>${xmlValue(shape, value)}</${name}>`
  }
  return xml
}

function xmlValue(shape: Shape, value: unknown): string {
  switch (shape.type) {
    case 'structure':
      return xmlMembers(shape.members, value as object)
    case 'list':
      return (value as readonly unknown[])
        .map((item) => `<member>${xmlValue(shape.of, item)}</member>`)
        .join('')
    case 'map':
      return Array.from(
        value as ReadonlyMap<string, unknown>,
        ([key, item]) =>
          `<entry><key>${xmlText(key)}</key><value>${xmlValue(shape.value, item)}</value></entry>`,
      ).join('')
    case 'blob': {
      const { buffer, byteOffset, byteLength } = value as Uint8Array
      return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
    }
    case 'timestamp':
      return isoTime(value as Date)
    case 'boolean':
    case 'integer':
    case 'long':
      return String(value)
    case 'string':
      return xmlText(value as string)
  }
}

/** Whole seconds are written without a fraction, as IAM and STS do. */
function isoTime(time: Date): string {
  return time.toISOString().replace('.000Z', 'Z')
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // A parser would read it as a line feed.
  '\r': '&#xD;',
}

const special = /[&<>"\r]/
// What XML 1.0 §2.2 has no form for at all, not even as a character reference.
// eslint-disable-next-line no-control-regex
const impossible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

/** Text between tags. What XML cannot hold becomes U+FFFD. */
export function xmlText(text: string): string {
  const wellFormed = text.toWellFormed().replace(impossible, '\ufffd')
  return special.test(wellFormed)
    ? wellFormed.replace(/[&<>"\r]/g, (character) => escapes[character] as string)
    : wellFormed
}

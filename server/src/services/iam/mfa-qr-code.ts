import { correction, generate } from 'lean-qr'
import { toPngBuffer } from 'lean-qr/extras/node_export'

/** A PNG of a QR code that authenticator apps read. */
export function qrCodePng(text: string): Buffer {
  // Any of the eight masks can be read; to weigh them against each other is most of the work.
  const code = generate(text, { minCorrectionLevel: correction.M, mask: 1 })
  return Buffer.from(toPngBuffer(code, { on: [0, 0, 0], off: [255, 255, 255], scale: 4 }))
}

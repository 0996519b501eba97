import { readFileSync, writeFileSync } from 'node:fs'

/** Requests ready to send, one after the other: length in decimal, line feed, bytes. `wrk-requests.lua` reads it too. */
export function writeRequestFile(file: string, requests: readonly Buffer[]): void {
  const parts = requests.flatMap((request) => [Buffer.from(`${request.length}\n`), request])
  writeFileSync(file, Buffer.concat(parts))
}

export function readRequestFile(file: string): Buffer[] {
  const bytes = readFileSync(file)
  const requests: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const lineEnd = bytes.indexOf('\n', at)
    const end = lineEnd + 1 + Number(bytes.toString('latin1', at, lineEnd))
    requests.push(bytes.subarray(lineEnd + 1, end))
    at = end
  }
  return requests
}

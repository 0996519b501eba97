import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

// The reference of the ratios, in a process of its own: what node:http alone does with the same requests, which it
// receives to their end, and an answer of the same size, which never changes. Argument: bytes of the answer's body.
const body = 'x'.repeat(Number(process.argv[2]))
const headers = { 'Content-Type': 'application/x-amz-json-1.1', 'Content-Length': String(body.length) }

const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.writeHead(200, headers)
    response.end(body)
  })
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(`serving http://127.0.0.1:${port}`)
})
process.on('SIGTERM', () => process.exit(0))

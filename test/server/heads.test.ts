/** A request's head has a deadline, its body has none here: an upload may take hours. */
import type { Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createListener } from '../../src/server/listener.ts'

let server: Server

beforeAll(async () => {
  server = createListener((request, response) => request.resume().on('end', () => response.end('whole')), 200)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

function open(text: string) {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const seen = { answer: '', isClosed: false, socket }
  socket.on('data', chunk => {
    seen.answer += chunk
  })
  socket.on('close', () => {
    seen.isClosed = true
  })
  socket.write(text)
  return seen
}

test('half a head, and none at all, end in 408 and a closed connection; a body may take longer', async () => {
  const slow = open('POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 2\r\n\r\nx')
  const half = open('GET / HTTP/1.1\r\nhost: g\r\nx-a')
  const none = open('')
  await vi.waitFor(() => expect([half.isClosed, none.isClosed]).toEqual([true, true]), { timeout: 5000 })
  expect([half.answer, none.answer]).toEqual([
    expect.stringContaining('HTTP/1.1 408 '),
    expect.stringContaining('HTTP/1.1 408 '),
  ])
  expect([slow.isClosed, slow.answer]).toEqual([false, ''])
  slow.socket.write('x')
  await vi.waitFor(() => expect(slow.answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*whole/))
})

/** A form's body has to come in within its time; whoever stops in the middle of it loses the connection. */
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, test } from 'vitest'
import { cutSlowBody } from '../../src/server/slow-body.ts'

async function send(lines: readonly string[], timeoutMs: number) {
  const server = createServer((request, response) => {
    cutSlowBody(request, timeoutMs)
    request.on('error', () => {})
    request.on('end', () => response.end('whole'))
    request.resume()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  let answer = ''
  socket.on('data', bytes => {
    answer += bytes
  })
  socket.write(lines.join('\r\n'))
  await new Promise(resolve => socket.once('close', resolve))
  await new Promise(resolve => server.close(resolve))
  return answer
}

const head = ['POST /connect HTTP/1.1', 'host: x', 'connection: close']

test.each([
  ['a known length', ['content-length: 10', '', 'abc']],
  ['chunks', ['transfer-encoding: chunked', '', '3', 'abc', '']],
])('half a body of %s is cut off', async (_what, body) => {
  expect(await send([...head, ...body], 50)).toBe('')
})

test.each([
  ['a whole body', ['content-length: 3', '', 'abc']],
  ['no body', ['', '']],
])('%s is answered', async (_what, body) => {
  expect(await send([...head, ...body], 60_000)).toMatch(/whole$/)
})

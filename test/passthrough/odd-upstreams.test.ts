/** What an upstream may do, however odd: the answer is taken as it is meant, and the connection serves the next call. */
import { describe, expect, test } from 'vitest'
import { createCore, createRawUpstream } from '../support/passthrough-core.ts'

const head = 'HTTP/1.1 200 OK\r\n'

describe('an upstream that is merely odd', () => {
  test.each<[string, string, number, string, boolean]>([
    ['closes to end its body', `${head}\r\nbody`, 200, 'body', true],
    ['speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nbody', 200, 'body', true],
    [
      'says more than its length',
      `${head}content-length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`,
      200,
      'body',
      false,
    ],
    [
      'sends 103 first',
      `HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${head}content-length: 4\r\n\r\nbody`,
      200,
      'body',
      false,
    ],
    ['has no reason phrase', 'HTTP/1.1 299\r\ncontent-length: 0\r\n\r\n', 299, '', false],
    [
      'sends 304 with the length of what it did not send',
      'HTTP/1.1 304 Not Modified\r\ncontent-length: 99999\r\n\r\n',
      304,
      '',
      false,
    ],
    ['sends 204 with a length', 'HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n', 204, '', false],
    [
      'sends trailers',
      `${head}transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-checksum: 1\r\n\r\n`,
      200,
      'body',
      false,
    ],
    [
      'sends one byte a chunk',
      `${head}transfer-encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(900)}0\r\n\r\n`,
      200,
      'x'.repeat(900),
      false,
    ],
  ])('%s', async (_, answer, status, text, end) => {
    await using upstream = await createRawUpstream(socket => void (end ? socket.end(answer) : socket.write(answer)))
    await using core = createCore({ url: upstream.url })
    for (let call = 0; call < 2; call++) {
      const { response, outcome } = await core.send({ options: { maxResponseBytes: 1000, timeoutMs: 2000 } })
      expect([response.status, response.text()]).toEqual([status, text])
      expect(outcome).toMatchObject({ executed: true, attempts: 1, bytesReceived: text.length })
    }
  })
})

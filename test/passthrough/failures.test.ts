/** What an upstream does wrong: each kind has its code, its sentence and a truthful outcome, and none outlives the call. */
import type { Socket } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import type { PassthroughInput } from '../../src/passthrough/request.ts'
import { createCore, createRawUpstream, failureOf } from '../support/passthrough-core.ts'

const unhandled: unknown[] = []
process.on('unhandledRejection', error => unhandled.push(error))
afterAll(async () => {
  await new Promise(resolve => setTimeout(resolve, 50))
  expect(unhandled).toEqual([])
})

const head = 'HTTP/1.1 200 OK\r\n'
const long = 'The answer is larger than 1000 bytes; raise options.maxResponseBytes or ask for less.'
const late = 'The upstream did not answer within 250 ms (options.timeoutMs).'
const broken = 'The upstream broke the connection (UND_ERR_SOCKET).'
const invalid = (code: string) => `The upstream answered something that is not valid HTTP (${code}).`

function send(text: string, end = false) {
  return (socket: Socket) => void (end ? socket.end(text, 'latin1') : socket.write(text, 'latin1'))
}

function flood(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 1)
  socket.on('close', () => clearInterval(timer))
}

interface Case {
  readonly answer: (socket: Socket) => void
  readonly code: string
  readonly message: string | RegExp
  readonly received: number
  readonly input?: Partial<PassthroughInput>
}

const cases: Record<string, Case> = {
  'hangs before the headers': { answer: () => {}, code: 'UPSTREAM_TIMEOUT', message: late, received: 0 },
  'hangs inside the headers': {
    answer: send(`${head}content-len`),
    code: 'UPSTREAM_TIMEOUT',
    message: late,
    received: 0,
  },
  'hangs inside the body': {
    answer: send(`${head}content-length: 9\r\n\r\nhalf`),
    code: 'UPSTREAM_TIMEOUT',
    message: late,
    received: 4,
  },
  'trickles without end': {
    answer: socket => {
      socket.write(`${head}transfer-encoding: chunked\r\n\r\n`)
      flood(socket, '1\r\nx\r\n')
    },
    code: 'UPSTREAM_TIMEOUT',
    message: late,
    received: -1,
  },
  'sends 103 without end': {
    answer: socket => flood(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'),
    code: 'UPSTREAM_TIMEOUT',
    message: late,
    received: 0,
  },
  'sends 100 without end': {
    answer: socket => flood(socket, 'HTTP/1.1 100 Continue\r\n\r\n'),
    code: 'UPSTREAM_PROTOCOL',
    message: invalid('UND_ERR_RESPONSE'),
    received: 0,
  },
  'closes at once': { answer: socket => socket.end(), code: 'UPSTREAM_UNREACHABLE', message: broken, received: 0 },
  'resets before the headers': {
    answer: socket => socket.resetAndDestroy(),
    code: 'UPSTREAM_UNREACHABLE',
    message: 'The upstream broke the connection (ECONNRESET).',
    received: 0,
  },
  'resets inside the body': {
    answer: socket =>
      socket.write(`${head}content-length: 9\r\n\r\nhalf`, () => setTimeout(() => socket.resetAndDestroy(), 30)),
    code: 'UPSTREAM_UNREACHABLE',
    message: 'The upstream broke the connection (ECONNRESET).',
    received: 4,
  },
  'closes inside the body': {
    answer: send(`${head}content-length: 9\r\n\r\nhalf`, true),
    code: 'UPSTREAM_UNREACHABLE',
    message: broken,
    received: 4,
  },
  'closes inside a chunked body': {
    answer: send(`${head}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n`, true),
    code: 'UPSTREAM_UNREACHABLE',
    message: broken,
    received: 4,
  },
  'announces too much': {
    answer: send(`${head}content-length: 1001\r\n\r\n`),
    code: 'RESPONSE_TOO_LARGE',
    message: long,
    received: 0,
  },
  'announces more than there is': {
    answer: send(`${head}content-length: 99999999999999999999\r\n\r\n`),
    code: 'UPSTREAM_PROTOCOL',
    message: /CONTENT_LENGTH/,
    received: 0,
  },
  'sends too much in chunks': {
    answer: send(`${head}transfer-encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(1001)}\r\n0\r\n\r\n`),
    code: 'RESPONSE_TOO_LARGE',
    message: long,
    received: 1001,
  },
  'sends too much until it closes': {
    answer: send(`${head}connection: close\r\n\r\n${'x'.repeat(1001)}`, true),
    code: 'RESPONSE_TOO_LARGE',
    message: long,
    received: 1001,
  },
  'sends a bad chunk': {
    answer: send(`${head}transfer-encoding: chunked\r\n\r\nzz\r\n`),
    code: 'UPSTREAM_PROTOCOL',
    message: /HPE_/,
    received: 0,
  },
  'sends both lengths': {
    answer: send(`${head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n`),
    code: 'UPSTREAM_PROTOCOL',
    message: /CONTENT_LENGTH|HPE_/,
    received: 0,
  },
  'sends two lengths': {
    answer: send(`${head}content-length: 4\r\ncontent-length: 5\r\n\r\nhalf`),
    code: 'UPSTREAM_PROTOCOL',
    message: /CONTENT_LENGTH|HPE_/,
    received: 0,
  },
  'sends garbage': { answer: send('SSH-2.0-OpenSSH_9.9\r\n'), code: 'UPSTREAM_PROTOCOL', message: /HPE_/, received: 0 },
  'sends zeros': { answer: send('\0\0\0\0'), code: 'UPSTREAM_PROTOCOL', message: /HPE_/, received: 0 },
  'speaks another version': {
    answer: send('HTTP/9.9 200 OK\r\n\r\n'),
    code: 'UPSTREAM_PROTOCOL',
    message: /HPE_/,
    received: 0,
  },
  'sends a bad header': {
    answer: send(`${head}a b: c\r\n\r\n`),
    code: 'UPSTREAM_PROTOCOL',
    message: /HPE_/,
    received: 0,
  },
  'sends one huge header': {
    answer: send(`${head}a: ${'x'.repeat(70_000)}\r\n\r\n`),
    code: 'UPSTREAM_PROTOCOL',
    message: /OVERFLOW/,
    received: 0,
  },
  'sends headers without end': {
    answer: socket => {
      socket.write(head)
      flood(socket, `a: ${'x'.repeat(4000)}\r\n`)
    },
    code: 'UPSTREAM_PROTOCOL',
    message: /OVERFLOW/,
    received: 0,
  },
  'sends a status below 100': {
    answer: send('HTTP/1.1 099 x\r\ncontent-length: 0\r\n\r\n'),
    code: 'UPSTREAM_PROTOCOL',
    message: invalid('ERR_ASSERTION'),
    received: 0,
  },
  'switches protocols unasked': {
    answer: send('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    code: 'UPSTREAM_PROTOCOL',
    message: invalid('UND_ERR_RESPONSE'),
    received: 0,
  },
}

describe('an upstream that', () => {
  test.each(Object.entries(cases))('%s', async (_, { answer, code, message, received, input }) => {
    await using upstream = await createRawUpstream(answer)
    await using core = createCore({ url: upstream.url })
    const options = { timeoutMs: 250, maxResponseBytes: 1000 }
    const failure = await failureOf(core.send({ method: 'POST', body: 'four', options, ...input }))
    expect([failure.error.code, failure.message]).toEqual([
      code,
      typeof message === 'string' ? message : expect.stringMatching(message),
    ])
    expect(failure.outcome).toMatchObject({
      executed: true,
      attempts: 1,
      bytesSent: 4,
      bytesReceived: received < 0 ? expect.any(Number) : received,
      durationMs: expect.any(Number),
    })
    await expect.poll(() => upstream.accepted.every(socket => socket.destroyed)).toBe(true)
  })
})

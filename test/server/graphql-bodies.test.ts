/** Nobody fills the memory with bodies: they count as they come, a stranger has a small share of it, and all have a deadline. */
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Caller } from '../../src/access/caller.ts'
import { GatewayError } from '../../src/errors.ts'
import { Memory } from '../../src/gateway/memory.ts'
import { type BodyPace, createBodyTaker, leaveToYoga } from '../../src/server/graphql-body.ts'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { type Entrances, exchange, openEntrances, readAnswer, requestOf, type Way } from './graphql-exchange.ts'

let gateway: TestGateway
let entrances: Entrances
let sockets: Socket[]

beforeAll(async () => {
  gateway = await createGateway()
  entrances = await openEntrances(gateway)
})
beforeEach(() => {
  sockets = []
})
afterEach(() => {
  for (const socket of sockets) socket.destroy()
})
afterAll(async () => {
  await entrances[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
})

const line = 'POST /graphql HTTP/1.1'
const json = 'content-type: application/json'
const key = `authorization: Bearer ${adminKey}`
const viewer = '{"query":"{ viewer { name } }"}'
const mebibyte = 1024 * 1024

/** A request whose body does not come to its end; what is answered comes as text. */
function begin(port: number, head: readonly string[], body: string | Buffer): { socket: Socket; answer: () => string } {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  let answer = ''
  socket.on('data', chunk => {
    answer += chunk
  })
  socket.on('error', () => undefined)
  socket.write(`${[...head, 'host: g'].join('\r\n')}\r\n\r\n`)
  socket.write(body)
  return { socket, answer: () => answer }
}

describe.each<Way>(['short', 'yoga'])('on the way "%s"', way => {
  const send = async (head: readonly string[], body: string | Buffer) => {
    const answer = readAnswer(await exchange(entrances[way], requestOf(head, body)))
    return { ...answer, status: Number(answer.status.split(' ')[1]), errors: JSON.parse(answer.body).errors }
  }

  test('what strangers announce holds nothing, and they are told at once', async () => {
    const { memory } = gateway.app.services.gateway
    const before = memory.heldBytes
    const all = Array.from({ length: 74 }, () =>
      begin(entrances[way], [line, json, `content-length: ${36 * mebibyte}`], '{'),
    )
    await vi.waitFor(() => expect(all.filter(({ answer }) => answer().includes('UNAUTHENTICATED'))).toHaveLength(74))
    expect(all[0]?.answer()).toMatch(/^HTTP\/1\.1 401 /)
    expect(memory.heldBytes).toBe(before)
    expect(await send([line, json, key], viewer)).toMatchObject({ status: 200, errors: undefined })
  })

  test('what a known caller announces is held as it comes', async () => {
    const { memory } = gateway.app.services.gateway
    const before = memory.heldBytes
    begin(entrances[way], [line, json, key, `content-length: ${36 * mebibyte}`], 'x'.repeat(1000))
    await vi.waitFor(() => expect(memory.heldBytes - before).toBe(1000))
    sockets[0]?.destroy()
    await vi.waitFor(() => expect(memory.heldBytes).toBe(before))
  })

  test.each([
    ['no key', []],
    ['a wrong key', ['authorization: Bearer nonsense']],
  ])('%s is enough for a small body, and no more of a long one is taken', async (_what, more) => {
    const small = `{"query":"{ __typename }${' '.repeat(60_000)}"}`
    expect(await send([line, json, ...more], small)).toMatchObject({
      status: 200,
      body: '{"data":{"__typename":"Query"}}',
    })
    const unauthenticated = { status: 401, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] }
    expect(await send([line, json, ...more], `${small}${' '.repeat(6000)}`)).toMatchObject(unauthenticated)
    const chunk = `${(70_000).toString(16)}\r\n${' '.repeat(70_000)}\r\n`
    expect(await send([line, json, ...more, 'transfer-encoding: chunked'], chunk)).toMatchObject(unauthenticated)
  })

  test('a key is known before a long body is taken', async () => {
    const body = `{"query":"{ viewer { name } }${' '.repeat(90_000)}"}`
    expect(await send([line, json, key], body)).toMatchObject({ status: 200, errors: undefined })
  })

  test.each([['gzip'], ['br'], ['deflate, gzip']])('the encoding %s is refused by its name', async encoding => {
    const body = encoding === 'gzip' ? gzipSync(viewer) : viewer
    expect(await send([line, json, key, `content-encoding: ${encoding}`], body)).toMatchObject({
      status: 415,
      headers: expect.arrayContaining(['accept-encoding: identity']),
      errors: [
        {
          message: 'The request has a content-encoding; a GraphQL request takes none, not even gzip. Send it as it is.',
          extensions: { code: 'INVALID_INPUT', origin: 'GATEWAY' },
        },
      ],
    })
  })

  test('a request that is too long hears how long it is and may be', async () => {
    const limit = 36 * mebibyte
    expect(await send([line, json, key, `content-length: ${limit + 1}`], '')).toMatchObject({
      status: 413,
      errors: [
        {
          message: `The request has ${limit + 1} bytes; a GraphQL request takes at most ${limit}. The raw route streams larger ones.`,
          extensions: { code: 'REQUEST_TOO_LARGE' },
        },
      ],
    })
    const chunk = Buffer.from(`${mebibyte.toString(16)}\r\n${' '.repeat(mebibyte)}\r\n`)
    const chunks = Buffer.concat(Array(37).fill(chunk))
    expect(await send([line, json, key, 'transfer-encoding: chunked'], chunks)).toMatchObject({
      status: 413,
      errors: [
        {
          message: `The request has more than ${limit} bytes; a GraphQL request takes at most ${limit}. The raw route streams larger ones.`,
        },
      ],
    })
  })

  test.each([
    ['a form', 'application/x-www-form-urlencoded', 'query=%7B__typename%7D'],
    [
      'an upload',
      'multipart/form-data; boundary=b',
      '--b\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{"query":"{ __typename }"}\r\n--b\r\ncontent-disposition: form-data; name="map"\r\n\r\n{}\r\n--b--\r\n',
    ],
    ['a document', 'application/graphql', '{ __typename }'],
  ])('%s still arrives', async (_what, type, body) => {
    expect(await send([line, `content-type: ${type}`, key], body)).toMatchObject({
      status: 200,
      body: '{"data":{"__typename":"Query"}}',
    })
  })
})

/** A server that takes bodies and says what it got, by a key or as a stranger. */
async function openTaker(memory: Memory, pace?: BodyPace) {
  const takeBody = createBodyTaker({
    memory,
    maxBytes: mebibyte,
    prove: async ({ headers }) =>
      headers.authorization === undefined ? new GatewayError('UNAUTHENTICATED', 'no key') : ({} as Caller),
    ...(pace && { pace }),
  })
  const server: Server = createServer(async (request, response) => {
    try {
      const bytes = await takeBody(request, response)
      if (bytes !== undefined) response.end(`took ${bytes.length}`)
    } catch (error) {
      response.end(String((error as Error).message))
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

describe('the memory', () => {
  const length = (bytes: number) => `content-length: ${bytes}`

  test('has a share for strangers that leaves the rest to known callers', async () => {
    const memory = new Memory(mebibyte)
    await using taker = await openTaker(memory)
    for (let index = 0; index < 4; index += 1) begin(taker.port, [line, length(50_000)], 'x'.repeat(32_768))
    await vi.waitFor(() => expect(memory.heldBytes).toBe(4 * 32_768))
    const refused = begin(taker.port, [line, length(10)], '0123456789')
    await vi.waitFor(() => expect(refused.answer()).toContain('as many bytes of other requests as it may'))
    const taken = begin(taker.port, [line, 'authorization: x', length(500_000)], 'x'.repeat(500_000))
    await vi.waitFor(() => expect(taken.answer()).toContain('took 500000'))
    await vi.waitFor(() => expect(memory.heldBytes).toBe(4 * 32_768))
    for (const socket of sockets) socket.destroy()
    await vi.waitFor(() => expect(memory.heldBytes).toBe(0))
  })

  test('holds a thousand chunks of one byte as the bytes that they are', async () => {
    const memory = new Memory()
    await using taker = await openTaker(memory)
    begin(taker.port, [line, 'authorization: x', 'transfer-encoding: chunked'], '1\r\nx\r\n'.repeat(100_000))
    await vi.waitFor(() => expect(memory.heldBytes).toBeGreaterThanOrEqual(100_000))
    expect(memory.heldBytes).toBeLessThanOrEqual(200_000)
    sockets[0]?.write('0\r\n\r\n')
    await vi.waitFor(() => expect(memory.heldBytes).toBe(0))
  })
})

describe('the deadline', () => {
  const pace = { graceMs: 200, bytesPerSecond: 1000 }

  test('ends the wait for a body that does not come', async () => {
    await using taker = await openTaker(new Memory(), pace)
    const late = begin(taker.port, [line, 'content-length: 100'], '{')
    const message =
      'The body did not come in time: 1 of 100 bytes in 201 ms. It takes 200 ms, and a second more for every 1000 bytes.'
    await vi.waitFor(() => expect(late.answer()).toContain(message), { timeout: 5000 })
  })

  test('is put off by what comes', async () => {
    await using taker = await openTaker(new Memory(), pace)
    const slow = begin(taker.port, [line, 'authorization: x', 'content-length: 60001'], 'x'.repeat(60_000))
    const other = begin(taker.port, [line, 'content-length: 100'], '{')
    await vi.waitFor(() => expect(other.answer()).toContain('did not come in time'), { timeout: 5000 })
    slow.socket.write('x')
    await vi.waitFor(() => expect(slow.answer()).toContain('took 60001'))
  })

  test('is told as 408, and ends the connection', async () => {
    await using both = await openEntrances(gateway, { bodyPace: pace })
    for (const way of ['short', 'yoga'] as const) {
      const late = begin(both[way], [line, json, key, 'content-length: 100'], '{')
      await vi.waitFor(() => expect(late.answer()).toMatch(/^HTTP\/1\.1 408 [\s\S]*INVALID_INPUT/), { timeout: 5000 })
      expect(late.answer()).toMatch(/connection: close/i)
    }
  })
})

test('a body is left to Yoga as something that has few keys, however long it is', () => {
  const request = {} as Parameters<typeof leaveToYoga>[0] & { body: object }
  leaveToYoga(request, Buffer.alloc(10_000))
  // Yoga lists the keys of a body to learn whether there is one.
  expect(Object.keys(request.body).length).toBeLessThan(100)
})

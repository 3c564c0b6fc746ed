/** Requests of the gateway's own reach public addresses only, follow nobody, and are bounded in bytes and in time. */
import type { ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { HostAllowlist } from '../../src/hosts.ts'
import { createLimits } from '../../src/limits/limits.ts'
import { createMemoryStore } from '../../src/limits/store.ts'
import type { OutboundRequest } from '../../src/passthrough/outbound.ts'
import { createPassthrough, type Passthrough, type PassthroughParts } from '../../src/passthrough/passthrough.ts'
import { carriers, ipv4Ranges, ipv6Ranges } from '../data/special-ranges.ts'
import { ssrfVectors } from '../data/ssrf-vectors.ts'
import { type Canary, createCanary, type Seal, sealNetwork } from '../support/canary.ts'
import { createDns, type DnsServer } from '../support/dns.ts'
import { createRawUpstream } from '../support/passthrough-core.ts'
import { type Answer, createUpstream } from '../support/upstream.ts'

const secret = 'canary-token'
const post: OutboundRequest = {
  method: 'POST',
  headers: { authorization: `Bearer ${secret}` },
  body: `refresh_token=${secret}`,
}

let canary: Canary
let dns: DnsServer
let seal: Seal
let seen = { accepted: 0, dialled: 0 }

beforeAll(async () => {
  canary = await createCanary([80, 443, 8080])
  dns = await createDns({
    'both.example': [['93.184.215.14', '127.0.0.1']],
    'alias.example': [['inside.example']],
    'inside.example': [['10.0.0.7']],
    'mapped.example': [['::ffff:127.0.0.1']],
    '*': [['127.0.0.1', '::1']],
  })
  seal = sealNetwork()
})
afterAll(async () => {
  seal[Symbol.dispose]()
  await Promise.all([dns[Symbol.asyncDispose](), canary[Symbol.asyncDispose]()])
})
beforeEach(() => {
  seen = { accepted: canary.accepted.length, dialled: seal.dialled.length }
})
const reached = () => [...canary.accepted.slice(seen.accepted), ...seal.dialled.slice(seen.dialled)]

function open(allow: string, parts: Partial<PassthroughParts> = {}): Passthrough {
  return createPassthrough({
    allow: HostAllowlist.parse(allow),
    limits: createLimits({ store: createMemoryStore() }),
    ...parts,
  })
}

/** Why it failed; what it says holds nothing that was sent. */
async function refusalOf(sent: Promise<unknown>): Promise<GatewayError> {
  const error = await sent.then(
    () => new Error('was answered'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof GatewayError)) throw error
  expect(`${error.message} ${JSON.stringify(error.details)}`).not.toContain(secret)
  return error
}

describe('a destination inside', () => {
  const vectors = Object.values(ssrfVectors)
    .flat()
    .map(text => text.replaceAll('PORT', '8080'))
    .filter(text => URL.canParse(text))

  test.each(['as it is written', 'over https'])('is not dialled %s', async how => {
    await using passthrough = open('', { lookup: dns.lookup })
    const urls = how === 'over https' ? vectors.map(text => text.replace(/^http:/i, 'https:')) : vectors
    expect(urls.length).toBeGreaterThan(100)
    const codes = new Set<string>()
    for (const url of urls) codes.add((await refusalOf(passthrough.fetch(url, post))).code)
    expect([...codes]).toEqual(['DESTINATION_NOT_ALLOWED'])
    expect(reached()).toEqual([])
  })

  test('is not dialled at any special address, plain or carried in another', async () => {
    await using passthrough = open('')
    const four = ipv4Ranges.map(([range]) => range.split('/')[0] ?? '')
    const six = ipv6Ranges.map(([range]) => range.split('/')[0] ?? '')
    const carried = carriers.flatMap(([, carry]) => four.map(carry))
    const hosts = [...four, ...[...six, ...carried].map(address => `[${address}]`)]
    for (const host of hosts) {
      expect(isIP(host.replace(/[[\]]/g, ''))).not.toBe(0)
      const { code } = await refusalOf(passthrough.fetch(`https://${host}/token`, post))
      expect({ host, code }).toEqual({ host, code: 'DESTINATION_NOT_ALLOWED' })
    }
    expect(reached()).toEqual([])
  })

  test.each(['any.example', 'both.example', 'alias.example', 'mapped.example'])(
    'is not dialled behind the name %s',
    async name => {
      await using passthrough = open('', { lookup: dns.lookup })
      const { code } = await refusalOf(passthrough.fetch(`https://${name}:${canary.port}/token`, post))
      expect(code).toBe('DESTINATION_NOT_ALLOWED')
      expect(reached()).toEqual([])
    },
  )
})

describe('an answer', () => {
  async function ask(answer: Answer, more: Partial<OutboundRequest> = {}) {
    await using upstream = await createUpstream(answer)
    await using passthrough = open(upstream.host)
    const response = await passthrough.fetch(`${upstream.url}/token`, { ...post, ...more })
    return { status: response.status, text: await response.text(), headers: response.headers }
  }

  test.each([301, 302, 303, 307, 308])('of %i is handed back, and nobody is followed', async status => {
    const location = `http://${canary.host}/token`
    const answer = await ask((_, response) => response.writeHead(status, { location, refresh: `0;${location}` }).end())
    expect(answer.status).toBe(status)
    expect(canary.accepted.length).toBe(seen.accepted)
  })

  test('of a megabyte is taken, of one byte more is not', async () => {
    const bytes = 1024 * 1024
    expect((await ask((_, response) => response.end('x'.repeat(bytes)))).text).toHaveLength(bytes)
    const longer = ask((_, response) => response.end('x'.repeat(bytes + 1)))
    expect((await refusalOf(longer)).code).toBe('RESPONSE_TOO_LARGE')
  })

  test.each([
    ['of ten megabytes', (_: unknown, response: ServerResponse) => void response.end(Buffer.alloc(10 * 1024 * 1024))],
    [
      'that says it is long',
      (_: unknown, response: ServerResponse) => flood(response, { 'content-length': `${1e12}` }),
    ],
    ['without an end', (_: unknown, response: ServerResponse) => flood(response)],
  ])('%s is given up after a megabyte', async (_, answer) => {
    expect((await refusalOf(ask(answer))).code).toBe('RESPONSE_TOO_LARGE')
  })

  test.each([
    ['that never comes', () => {}],
    ['whose body never comes', (_: unknown, response: ServerResponse) => response.writeHead(200).flushHeaders()],
    ['that drips', (_: unknown, response: ServerResponse) => drip(response)],
  ])('%s ends with the time that is given', async (_, answer) => {
    const startedAt = Date.now()
    expect((await refusalOf(ask(answer, { timeoutMs: 300 }))).code).toBe('UPSTREAM_TIMEOUT')
    expect(Date.now() - startedAt).toBeLessThan(10_000)
  })

  test('that nobody asked to be packed stays as it came: a small one cannot grow', async () => {
    const packed = gzipSync(Buffer.alloc(50 * 1024 * 1024))
    expect(packed.length).toBeLessThan(1024 * 1024)
    const { text } = await ask((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed))
    expect(text.length).toBeLessThanOrEqual(packed.length)
  })

  test('without a body has none', async () => {
    for (const status of [204, 205, 304]) {
      expect(await ask((_, response) => response.writeHead(status).end())).toMatchObject({ status, text: '' })
    }
  })

  test.each([
    ['a status that the Fetch standard has not', 'HTTP/1.1 999 Denied\r\ncontent-length: 0\r\n\r\n'],
    ['a status of three other digits', 'HTTP/1.1 600 What\r\ncontent-length: 0\r\n\r\n'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
    ['headers without an end', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}`],
  ])('with %s is refused with a code', async (_, text) => {
    await using upstream = await createRawUpstream(socket => socket.write(text))
    await using passthrough = open(new URL(upstream.url).host)
    const { code } = await refusalOf(passthrough.fetch(upstream.url, { ...post, timeoutMs: 3_000 }))
    expect(code).toBe('UPSTREAM_PROTOCOL')
  })

  test('with a header in UTF-8 is taken', async () => {
    const text = 'HTTP/1.1 200 OK\r\nx-city: Łódź ☃\r\ncontent-length: 2\r\n\r\nok'
    await using upstream = await createRawUpstream(socket => socket.write(text))
    await using passthrough = open(new URL(upstream.url).host)
    expect(await (await passthrough.fetch(upstream.url, post)).text()).toBe('ok')
  })
})

/** Writes as fast as it is read, until the reader leaves. */
function flood(response: ServerResponse, headers: Record<string, string> = {}): void {
  response.writeHead(200, headers)
  const chunk = Buffer.alloc(64 * 1024, 'x')
  const write = () => {
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', write)
  write()
}

function drip(response: ServerResponse): void {
  response.writeHead(200)
  const timer = setInterval(() => response.write('x'), 20)
  response.on('close', () => clearInterval(timer))
}

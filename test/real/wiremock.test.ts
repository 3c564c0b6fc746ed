/** What WireMock does wrong, through both faces: the documented code, and in its journal no request more than `attempts` says. */
import { request as httpsRequest } from 'node:https'
import { connect, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRoad, type Place, problemOf, type Road, refusalOf, wanted } from './wiremock-road.ts'

let road: Road
beforeAll(async () => {
  road = await createRoad()
}, 90_000)
afterAll(() => road[Symbol.asyncDispose]())

const reset = { fault: 'CONNECTION_RESET_BY_PEER' }
const empty = { fault: 'EMPTY_RESPONSE' }
const garbage = { fault: 'RANDOM_DATA_THEN_CLOSE' }
const malformed = { fault: 'MALFORMED_RESPONSE_CHUNK' }
const delayed = { status: 200, body: 'late', fixedDelayMilliseconds: 30_000 }
const dribbling = (totalDuration: number) => ({
  status: 200,
  body: 'Hello world!',
  chunkedDribbleDelay: { numberOfChunks: 5, totalDuration },
})
const unavailable = { status: 503, body: 'not now' }
const fine = { status: 200, body: 'fine' }

describe('a fault', () => {
  describe.each([
    { what: 'a reset', fault: reset, status: 502, code: 'UPSTREAM_UNREACHABLE', attempts: 3 },
    { what: 'no answer at all', fault: empty, status: 502, code: 'UPSTREAM_UNREACHABLE', attempts: 3 },
    { what: 'what is no HTTP', fault: garbage, status: 502, code: 'UPSTREAM_PROTOCOL', attempts: 1 },
    { what: 'silence', fault: delayed, status: 504, code: 'UPSTREAM_TIMEOUT', attempts: 1 },
  ])('$what', ({ fault, status, code, attempts }) => {
    // Silence ends a call by its time; all others have time enough.
    const timeoutMs = fault === delayed ? 1500 : 20_000

    test('of a query is told when no attempt is left', async () => {
      const place = await road.link([fault])
      expect(refusalOf(await road.read(place, { timeoutMs }))).toBe(code)
      expect(await road.sentTo(place)).toHaveLength(attempts)
      if (fault === delayed) return
      expect(refusalOf(await road.read(place, { timeoutMs, retries: 0 }))).toBe(code)
      expect(await road.sentTo(place)).toHaveLength(attempts + 1)
    })

    test.each(['POST', 'GET'])('of a mutation that sends %s is told after one request', async method => {
      const place = await road.link([fault])
      expect(refusalOf(await road.write(place, { timeoutMs }, method))).toBe(code)
      expect((await road.sentTo(place)).map(entry => entry.method)).toEqual([method])
    })

    test('of the raw route is a problem, after one request unless the caller asks for more', async () => {
      const place = await road.link([fault])
      const settings = { 'x-passgate-timeout-ms': String(timeoutMs) }
      expect(problemOf(await road.raw(place, settings))).toEqual([status, code])
      expect(problemOf(await road.raw(place, settings, 'POST'))).toEqual([status, code])
      expect((await road.sentTo(place)).map(entry => entry.method)).toEqual(['GET', 'POST'])
      expect(problemOf(await road.raw(place, { ...settings, 'x-passgate-retries': '2' }))).toEqual([status, code])
      expect(await road.sentTo(place)).toHaveLength(2 + attempts)
    })
  })

  test.each([
    ['a reset', reset],
    ['no answer at all', empty],
  ])('%s is mended by the next attempt of a query, and by none of a mutation', async (_what, fault) => {
    const place = await road.link([fault, fine])
    const { passthrough } = (await road.read(place)).data
    expect(passthrough).toMatchObject({ status: 200, text: 'fine', attempts: 2 })
    expect(passthrough.attemptLog).toEqual([
      { status: null, reason: expect.stringMatching(/^(?:ECONNRESET|UND_ERR_SOCKET)$/) },
      { status: 200, reason: null },
    ])
    expect(await road.sentTo(place)).toHaveLength(2)
    const other = await road.link([fault, fine])
    expect(refusalOf(await road.write(other))).toBe('UPSTREAM_UNREACHABLE')
    expect(await road.sentTo(other)).toHaveLength(1)
  })

  test('of one alias leaves its siblings alone', async () => {
    const answers = { reset, empty, garbage, malformed, fine, unavailable }
    const linked: [string, Place][] = []
    for (const [alias, answer] of Object.entries(answers)) linked.push([alias, await road.link([answer])])
    const fields = linked.map(
      ([alias, { id, path }]) => `${alias}: passthrough(connectionId: "${id}", path: "${path}") ${wanted}`,
    )
    const { data, errors = [] } = await road.run(`{ ${fields.join(' ')} }`)
    expect(data).toMatchObject({ reset: null, empty: null, garbage: null, malformed: null })
    expect(data).toMatchObject({ fine: { status: 200, attempts: 1 }, unavailable: { status: 503, attempts: 3 } })
    expect(Object.fromEntries(errors.map(({ path, extensions }) => [path?.[0], extensions.code]))).toEqual({
      reset: 'UPSTREAM_UNREACHABLE',
      empty: 'UPSTREAM_UNREACHABLE',
      garbage: 'UPSTREAM_PROTOCOL',
      malformed: 'UPSTREAM_PROTOCOL',
    })
    const sent = await Promise.all(linked.map(([, place]) => road.sentTo(place)))
    expect(sent.map(({ length }) => length)).toEqual([3, 3, 1, 1, 1, 3])
  })
})

describe('a chunk that is none, after a good head', () => {
  test.each([
    ['query', (place: Place) => road.read(place)],
    ['mutation', (place: Place) => road.write(place)],
  ])('is an error of a %s, and is not asked for again', async (_what, send) => {
    const place = await road.link([malformed, fine])
    expect(refusalOf(await send(place))).toBe('UPSTREAM_PROTOCOL')
    expect(await road.sentTo(place)).toHaveLength(1)
  })

  test('breaks the raw answer off, whatever retries were asked for', async () => {
    const place = await road.link([malformed, fine])
    expect(await road.raw(place, { 'x-passgate-retries': '2' })).toMatchObject({
      status: 200,
      chunks: [],
      isWhole: false,
    })
    expect(await road.sentTo(place)).toHaveLength(1)
    expect(await road.raw(place)).toMatchObject({ status: 200, chunks: ['fine'], isWhole: true })
  })
})

describe('a slow answer', () => {
  test('that dribbles arrives whole, on the raw route in pieces as they come', async () => {
    const place = await road.link([dribbling(1500)])
    expect((await road.read(place)).data.passthrough).toMatchObject({ status: 200, text: 'Hello world!', attempts: 1 })
    const { status, chunks, isWhole } = await road.raw(place)
    expect([status, chunks.join(''), isWhole]).toEqual([200, 'Hello world!', true])
    expect(chunks.length).toBeGreaterThan(1)
    expect(await road.sentTo(place)).toHaveLength(2)
  })

  test('that dribbles longer than a call may take ends it, half read, with one request', async () => {
    const place = await road.link([dribbling(60_000)])
    expect(refusalOf(await road.read(place, { timeoutMs: 1500 }))).toBe('UPSTREAM_TIMEOUT')
    expect(refusalOf(await road.write(place, { timeoutMs: 1500 }))).toBe('UPSTREAM_TIMEOUT')
    expect(await road.sentTo(place)).toHaveLength(2)
  })

  test('whose head comes within the time of the raw route may go on after it', async () => {
    const place = await road.link([dribbling(4000)])
    const { chunks, isWhole } = await road.raw(place, { 'x-passgate-timeout-ms': '2500' })
    expect([chunks.join(''), isWhole]).toEqual(['Hello world!', true])
    expect(await road.sentTo(place)).toHaveLength(1)
  })
})

describe('429', () => {
  const limited = (seconds: number) => ({ status: 429, headers: { 'Retry-After': String(seconds) }, body: 'slowly' })

  test('is answered by another attempt, never sooner than Retry-After says', async () => {
    const place = await road.link([limited(1), fine])
    expect((await road.read(place)).data.passthrough).toMatchObject({ status: 200, attempts: 2 })
    const [first, second] = await road.sentTo(place)
    expect((second?.receivedAtMs ?? 0) - (first?.receivedAtMs ?? 0)).toBeGreaterThanOrEqual(950)
  })

  test('is the result when the vendor asks for longer than anybody waits', async () => {
    const place = await road.link([limited(3600)])
    const { passthrough } = (await road.read(place)).data
    expect(passthrough).toMatchObject({ status: 429, ok: false, text: 'slowly', attempts: 1, retryAfter: '3600' })
    expect(await road.sentTo(place)).toHaveLength(1)
  })

  test.each([
    ['a mutation', (place: Place) => road.write(place)],
    ['a query without retries', (place: Place) => road.read(place, { retries: 0 })],
  ])('is the result of %s at once', async (_what, send) => {
    const place = await road.link([limited(1)])
    const { passthrough } = (await send(place)).data
    expect(passthrough).toMatchObject({ status: 429, attempts: 1, retryAfter: '1' })
    expect(await road.sentTo(place)).toHaveLength(1)
  })

  test('is handed on by the raw route with its header', async () => {
    const place = await road.link([limited(1)])
    const { status, headers, chunks } = await road.raw(place)
    expect([status, headers['retry-after'], chunks.join('')]).toEqual([429, '1', 'slowly'])
    expect(headers).not.toHaveProperty('x-passgate-error')
    expect(await road.sentTo(place)).toHaveLength(1)
  })
})

describe('503, then 200', () => {
  test('is 200 for a query, with two attempts', async () => {
    const place = await road.link([unavailable, fine])
    const { passthrough } = (await road.read(place)).data
    expect(passthrough).toMatchObject({ status: 200, ok: true, text: 'fine', attempts: 2 })
    expect(passthrough.attemptLog).toEqual([
      { status: 503, reason: 'status 503' },
      { status: 200, reason: null },
    ])
    expect(await road.sentTo(place)).toHaveLength(2)
  })

  test('is 503 on the raw route, whose client tries again itself', async () => {
    const place = await road.link([unavailable, fine])
    expect(await road.raw(place)).toMatchObject({ status: 503, chunks: ['not now'], isWhole: true })
    expect(await road.sentTo(place)).toHaveLength(1)
    expect(await road.raw(place)).toMatchObject({ status: 200, chunks: ['fine'] })
    expect(await road.sentTo(place)).toHaveLength(2)
  })

  test('is 200 on the raw route that was asked to try again, unless it is a write', async () => {
    const settings = { 'x-passgate-retries': '2' }
    const place = await road.link([unavailable, fine])
    const heard = await road.raw(place, settings)
    expect([heard.status, heard.headers['x-passgate-attempts']]).toEqual([200, '2'])
    expect(await road.sentTo(place)).toHaveLength(2)
    const other = await road.link([unavailable, fine])
    expect(await road.raw(other, settings, 'POST')).toMatchObject({ status: 503 })
    expect(await road.sentTo(other)).toHaveLength(1)
  })

  test('is 503 for a mutation, and 200 for one with an idempotency key, which repeats its body', async () => {
    const place = await road.link([unavailable, fine])
    expect((await road.write(place)).data.passthrough).toMatchObject({ status: 503, attempts: 1 })
    expect(await road.sentTo(place)).toHaveLength(1)
    const other = await road.link([unavailable, fine])
    const answer = await road.write(other, { idempotencyKey: 'once' })
    expect(answer.data.passthrough).toMatchObject({ status: 200, attempts: 2 })
    expect((await road.sentTo(other)).map(({ method, body }) => [method, body])).toEqual([
      ['POST', '{"amount":1}'],
      ['POST', '{"amount":1}'],
    ])
  })
})

describe('a certificate that nobody vouches for', () => {
  /** The only way to get an answer: a client that checks nothing. */
  function askUnchecked(path: string): Promise<number | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
    const options = { rejectUnauthorized: false, agent: false } as const
    const request = httpsRequest(new URL(path, road.wiremock.secureUrl), options, response => {
      response.resume()
      resolve(response.statusCode)
    })
    request.on('error', reject)
    request.end()
    return promise
  }

  async function expectRefused(place: Place): Promise<string> {
    const answer = await road.read(place)
    expect([refusalOf(answer), refusalOf(await road.write(place))]).toEqual(['UPSTREAM_TLS', 'UPSTREAM_TLS'])
    expect(problemOf(await road.raw(place))).toEqual([502, 'UPSTREAM_TLS'])
    expect((await road.wiremock.readJournal()).filter(({ url }) => url === place.path)).toEqual([])
    return answer.errors?.[0]?.message ?? ''
  }

  test('is UPSTREAM_TLS, and nothing is sent', async () => {
    const place = await road.link([fine], 'secure')
    expect(await expectRefused(place)).toContain('(DEPTH_ZERO_SELF_SIGNED_CERT)')
    expect(await askUnchecked(place.path)).toBe(200)
    expect((await road.wiremock.readJournal()).filter(({ url }) => url === place.path)).toHaveLength(1)
  })

  test('is no better when it is trusted, because it names another host', async () => {
    using _trust = trust(await readCertificate())
    expect(await expectRefused(await road.link([fine], 'secure'))).toContain('(ERR_TLS_CERT_ALTNAME_INVALID)')
  })

  async function readCertificate(): Promise<string> {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(new URL(road.wiremock.secureUrl).port),
      rejectUnauthorized: false,
    })
    await new Promise((resolve, reject) => socket.on('secureConnect', resolve).on('error', reject))
    const der = socket.getPeerCertificate().raw
    socket.destroy()
    return `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
  }

  function trust(certificate: string): Disposable {
    const before = getCACertificates('default')
    setDefaultCACertificates([...before, certificate])
    return { [Symbol.dispose]: () => setDefaultCACertificates(before) }
  }
})

test('in the end nothing was sent that no record tells of, and nothing later', async () => {
  const plain = road.places.filter(({ integration }) => integration === 'plain')
  for (const place of plain) expect((await road.sentTo(place)).length).toBeGreaterThan(0)
  const known = new Set(road.places.map(({ path }) => path))
  expect((await road.wiremock.readJournal()).filter(({ url }) => !known.has(url))).toEqual([])
  expect(plain.length).toBeGreaterThan(30)
})

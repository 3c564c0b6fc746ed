/** What a name means is judged once, where it is dialled: an answer that changes, mixes or hides addresses leads nowhere. */
import type { ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Canary, createCanary, type Seal, sealNetwork } from '../support/canary.ts'
import { createDns, type DnsServer, type Zone } from '../support/dns.ts'
import { type Core, createCore, failureOf, refusalOf } from '../support/passthrough-core.ts'
import { testTls, trustTestTls } from '../support/tls.ts'

const host = 'api.test.example'
const open = '93.184.215.14'
const openV6 = '2606:2800:21f:cb07::1'
const questions = (count: number) => Array.from({ length: count }, () => [`A ${host}`, `AAAA ${host}`]).flat()

let canary: Canary
let trust: Disposable
beforeAll(async () => {
  trust = trustTestTls()
  canary = await createCanary()
})
afterAll(async () => {
  trust[Symbol.dispose]()
  await canary[Symbol.asyncDispose]()
})
let seal: Seal
let accepted = 0
beforeEach(() => {
  seal = sealNetwork()
  accepted = canary.accepted.length
})
afterEach(() => seal[Symbol.dispose]())

interface Place extends AsyncDisposable {
  readonly dns: DnsServer
  readonly core: Core
}

async function createPlace(zone: Zone, options: { url?: string; allow?: string; ttl?: number } = {}): Promise<Place> {
  const { url = `https://${host}:${canary.port}`, allow = '', ttl = 0 } = options
  const dns = await createDns(zone, ttl)
  const core = createCore({ url, allow, lookup: dns.lookup, connectTimeoutMs: 5_000 })
  return {
    dns,
    core,
    async [Symbol.asyncDispose]() {
      await core[Symbol.asyncDispose]()
      await dns[Symbol.asyncDispose]()
    },
  }
}

const refused = {
  code: 'DESTINATION_NOT_ALLOWED',
  message: `${host} is no public address, or leads to none; the operator can list it in PASSGATE_EGRESS_ALLOW.`,
}

describe('a name is refused whole, nobody is dialled, and nobody asks twice,', () => {
  const many = (address: string) =>
    Array.from({ length: 200 }, (_, index) => (index === 137 ? address : `93.184.${index}.14`))
  const cases: readonly (readonly [what: string, zone: Zone])[] = [
    ['loopback', { [host]: [['127.0.0.1']] }],
    ['IPv6 loopback', { [host]: [['::1']] }],
    ['public, then loopback', { [host]: [[open, '127.0.0.1']] }],
    ['loopback, then public', { [host]: [['127.0.0.1', open]] }],
    ['public IPv4 and local IPv6', { [host]: [[open, '::1']] }],
    ['private IPv4 and public IPv6', { [host]: [['10.0.0.1', openV6]] }],
    ['mapped loopback', { [host]: [['::ffff:127.0.0.1']] }],
    ['public and mapped loopback', { [host]: [[open, '::ffff:127.0.0.1']] }],
    ['compatible loopback', { [host]: [['::127.0.0.1']] }],
    ['a compatible public address', { [host]: [['::8.8.8.8']] }],
    ['NAT64', { [host]: [['64:ff9b::7f00:1']] }],
    ['6to4', { [host]: [['2002:7f00:1::1']] }],
    ['Teredo', { [host]: [['2001:0:7f00:1::1']] }],
    ['the unspecified address', { [host]: [['0.0.0.0']] }],
    ['the unspecified IPv6 address', { [host]: [['::']] }],
    ['cloud metadata', { [host]: [['169.254.169.254']] }],
    ['cloud metadata on IPv6', { [host]: [['fd00:ec2::254']] }],
    ['the host of an Azure machine', { [host]: [['168.63.129.16']] }],
    ['one private of 200', { [host]: [many('10.0.0.9')] }],
    ['one loopback of 200, and IPv6', { [host]: [[...many('127.0.0.1'), openV6]] }],
    ['an alias of a private name', { [host]: [['b.example']], 'b.example': [['10.0.0.1']] }],
    [
      'a chain of aliases',
      {
        [host]: [['b.example']],
        'b.example': [['c.example']],
        'c.example': [['localhost']],
        localhost: [['127.0.0.1']],
      },
    ],
    ['a chain to mixed answers', { [host]: [['b.example']], 'b.example': [[open, 'fe80::1']] }],
  ]

  test.each(cases)('that leads to %s', async (_, zone) => {
    await using place = await createPlace(zone)
    // A refusal is final: it is no failure that another attempt could mend.
    const call = place.core.send({ mode: 'READ', options: { retries: 5 } })
    const failure = await failureOf(call)
    expect({ code: failure.error.code, message: failure.message }).toEqual(refused)
    expect(failure.outcome).toMatchObject({ executed: false, attempts: 0, bytesSent: 0 })
    expect([place.dns.asked, seal.dialled, canary.accepted.length]).toEqual([questions(1), [], accepted])
  })

  test.each([
    ['no address', { [host]: [[]] }],
    ['an alias of itself', { [host]: [[host]] }],
    ['nothing that exists', {}],
  ])('and one that leads to %s cannot be reached', async (_, zone) => {
    await using place = await createPlace(zone)
    expect((await refusalOf(place.core.send({}))).code).toBe('UPSTREAM_UNREACHABLE')
    expect(seal.dialled).toEqual([])
  })
})

describe('a name that is rebound', () => {
  test.each([0, 3600])('between two calls is asked for at each connection (TTL %i)', async ttl => {
    await using place = await createPlace({ [host]: [[open], ['127.0.0.1'], [open], [open, '127.0.0.1']] }, { ttl })
    const answers: unknown[] = []
    for (let round = 0; round < 5; round++) {
      const error: unknown = await place.core.send({}).catch(thrown => thrown)
      // The seal stops what goes out, with a code of its own: the public address was dialled, and nothing else.
      answers.push((error as { cause?: { code: string } }).cause?.code ?? (error as { code: string }).code)
    }
    const no = 'DESTINATION_NOT_ALLOWED'
    expect(answers).toEqual(['ERR_IP_BLOCKED', no, 'ERR_IP_BLOCKED', no, no])
    expect([place.dns.asked, seal.dialled]).toEqual([questions(5), [open, open]])
    expect(canary.accepted.length).toBe(accepted)
  })

  test('between plan and dial has no moment to use: planning asks nobody, and what is dialled is the one answer', async () => {
    await using place = await createPlace({ [host]: [['127.0.0.1'], [open]] })
    await place.core.plan({})
    expect(place.dns.asked).toEqual([])
    expect(await refusalOf(place.core.send({}))).toMatchObject(refused)
    expect([place.dns.asked, seal.dialled]).toEqual([questions(1), []])
  })

  test('is judged at the second connection of a pool, while the first goes on', async () => {
    const held: ServerResponse[] = []
    await using upstream = await createSecure(response => held.push(response))
    const zone = { [host]: [['127.0.0.1'], ['127.0.0.2']] }
    // Listed by its address only: the name itself has no exemption.
    await using place = await createPlace(zone, { url: `https://${host}:${upstream.port}`, allow: '127.0.0.1' })
    const first = place.core.send({ path: '/first' })
    await expect.poll(() => held.length).toBe(1)
    expect(await refusalOf(place.core.send({ path: '/second' }))).toMatchObject(refused)
    held[0]?.end('first')
    expect((await first).response.text()).toBe('first')
    // The connection is free once undici has seen the answer off.
    await setImmediate()
    const third = place.core.send({ path: '/third' })
    await expect.poll(() => held.length).toBe(2)
    held[1]?.end('third')
    expect((await third).response.text()).toBe('third')
    expect([place.dns.asked, seal.dialled]).toEqual([questions(2), ['127.0.0.1']])

    upstream.closeAllConnections()
    await expect.poll(async () => (await refusalOf(place.core.send({}))).code).toBe(refused.code)
    expect([seal.dialled, held.length]).toEqual([['127.0.0.1'], 2])
  })
})

describe('what the operator lists', () => {
  test('as a name with its port is exempt there, wherever it leads, and on no other port', async () => {
    await using other = await createCanary()
    const zone = { [host]: [['127.0.0.1'], ['127.0.0.2'], ['10.0.0.1', '127.0.0.1']], [`x.${host}`]: [['127.0.0.1']] }
    await using place = await createPlace(zone, {
      url: `http://${host}:${canary.port}`,
      allow: `${host}:${canary.port}`,
    })
    const { core } = place
    expect((await core.send({})).response.text()).toBe('canary')
    expect(canary.accepted.slice(accepted)).toEqual([canary.host])

    const hosts = [`${host}:${other.port}`, `x.${host}:${canary.port}`, host]
    const urls = [`//${host}:${other.port}`, `//x.${host}:${canary.port}`, `//${host}`]
    for (const url of urls.flatMap(rest => [`http:${rest}/`, `https:${rest}/`])) {
      expect((await refusalOf(core.send({ path: url }, {}, { hosts }))).code).toBe(refused.code)
    }
    expect((await refusalOf(core.send({ path: `http://${host}.:${canary.port}/` }))).code).toBe(refused.code)
    expect([other.accepted, canary.accepted.length]).toEqual([[], accepted + 1])
  })

  test.each<[allow: string, answer: string[], dialled: string[]]>([
    ['127.0.0.0/30', ['127.0.0.1'], ['127.0.0.1']],
    ['127.0.0.0/30', ['127.0.0.2'], ['127.0.0.2']],
    ['127.0.0.0/30', ['::ffff:127.0.0.1'], ['::ffff:127.0.0.1']],
    ['127.0.0.0/30', ['127.1.1.1'], []],
    ['127.0.0.0/30', ['127.0.0.1', '127.1.1.1'], []],
    ['127.0.0.0/30', ['127.0.0.1', '::1'], []],
    ['127.0.0.0/30', ['::127.0.0.1'], []],
    ['127.0.0.0/30', ['64:ff9b::7f00:1'], []],
    ['::1', ['::1'], ['::1']],
    ['::1', ['127.0.0.1'], []],
    ['::/0', ['127.0.0.1'], []],
    ['::/0', ['::ffff:127.0.0.1'], []],
    ['0.0.0.0/0', ['::1'], []],
    ['127.0.0.1', ['127.0.0.1'], ['127.0.0.1']],
    ['127.0.0.1:PORT', ['127.0.0.1'], []],
  ])('as %s, and a name leads to %j: dialled is %j', async (allow, answer, dialled) => {
    await using place = await createPlace({ [host]: [answer] }, { allow: allow.replace('PORT', String(canary.port)) })
    const { code } = await refusalOf(place.core.send({}))
    expect([code === refused.code, seal.dialled]).toEqual([dialled.length === 0, dialled])
    // Plain http takes more than an address: the name itself has to be listed.
    const http = { path: `http://${host}:${canary.port}/` }
    expect(await refusalOf(place.core.send(http))).toMatchObject({
      message: expect.stringMatching(/^Plain http goes only/),
    })
  })
})

/** Speaks HTTP/1.1 only, so that each call under way has a connection of its own. */
async function createSecure(
  answer: (response: ServerResponse) => void,
): Promise<AsyncDisposable & { port: number; closeAllConnections(): void }> {
  const server: Server = createServer(testTls, (_request, response) => answer(response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    closeAllConnections: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

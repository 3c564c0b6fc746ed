/** Nothing in the process's environment sends a request elsewhere or takes TLS less seriously. */
import { execFile } from 'node:child_process'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Canary, createCanary } from '../support/canary.ts'
import { testTls } from '../support/tls.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

let proxy: Canary
let unlisted: Canary
let upstream: Upstream
const requests: string[] = []
const secure = createServer(testTls, (request, response) => {
  requests.push(String(request.url))
  response.end('secret')
})
beforeAll(async () => {
  proxy = await createCanary()
  unlisted = await createCanary()
  upstream = await createUpstream((request, response) => response.end(`direct ${request.url}`))
  await new Promise<void>(resolve => secure.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  secure.closeAllConnections()
  secure.close()
  await Promise.all([proxy, unlisted, upstream].map(place => place[Symbol.asyncDispose]()))
})

interface Sent {
  readonly plain: string
  readonly secure: string
  readonly unlisted: string
  readonly unguarded: string
  readonly unverified: string
}

async function sendFrom(env: Readonly<Record<string, string>>): Promise<Sent> {
  const urls = [
    upstream.url,
    `https://127.0.0.1:${(secure.address() as AddressInfo).port}`,
    `https://127.0.0.1:${unlisted.port}`,
  ]
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'egress-child.ts'), ...urls],
    {
      env: { PATH: process.env.PATH, ...env },
      timeout: 20_000,
    },
  )
  return JSON.parse(stdout) as Sent
}

const guarded = { plain: 'direct /asked', secure: 'UPSTREAM_TLS', unlisted: 'DESTINATION_NOT_ALLOWED' }
const untouched = { ...guarded, unguarded: 'direct /', unverified: 'refused' }

function proxyNames(): Record<string, string> {
  const url = `http://${proxy.host}`
  const names = ['http_proxy', 'https_proxy', 'all_proxy', 'npm_config_proxy', 'npm_config_https_proxy']
  return Object.fromEntries(names.flatMap(name => [name, name.toUpperCase()]).map(name => [name, url]))
}

afterEach(() => {
  // Neither a request over a connection that nobody vouched for, nor a connection to what nobody listed.
  expect([requests, unlisted.accepted]).toEqual([[], []])
})

describe('a request goes where it is meant to, and TLS is verified,', () => {
  test('in an empty environment', async () => {
    expect(await sendFrom({})).toEqual(untouched)
    expect(proxy.accepted).toEqual([])
  })

  test.each<[string, () => Record<string, string>, Partial<Sent>]>([
    ['with proxies that are named', proxyNames, {}],
    [
      'with proxies that Node is told to use',
      () => ({ ...proxyNames(), NODE_USE_ENV_PROXY: '1' }),
      { unguarded: 'canary' },
    ],
    [
      'with proxies that an option tells Node to use',
      () => ({ ...proxyNames(), NODE_OPTIONS: '--use-env-proxy' }),
      { unguarded: 'canary' },
    ],
    ['without verification', () => ({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }), { unverified: 'connected' }],
    [
      'with all of it at once',
      () => ({ ...proxyNames(), NODE_USE_ENV_PROXY: '1', NODE_TLS_REJECT_UNAUTHORIZED: '0', NO_PROXY: 'a.example' }),
      { unguarded: 'canary', unverified: 'connected' },
    ],
  ])('%s', async (_, env, changed) => {
    const before = proxy.accepted.length
    expect(await sendFrom(env())).toEqual({ ...untouched, ...changed })
    // The one who let the environment decide went to the proxy; the gateway did not.
    expect(proxy.accepted.length - before).toBe(changed.unguarded === undefined ? 0 : 1)
  })
})

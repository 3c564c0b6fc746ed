/** The credential: towards pinned hosts only, once per attempt, and seen by nobody above the interceptor that adds it. */
import { inspect } from 'node:util'
import type { Dispatcher } from 'undici'
import { describe, expect, test } from 'vitest'
import type { Injection } from '../../src/auth/strategy.ts'
import { GatewayError } from '../../src/errors.ts'
import { HostAllowlist } from '../../src/hosts.ts'
import { createLimits } from '../../src/limits/limits.ts'
import { createMemoryStore } from '../../src/limits/store.ts'
import { Call, type CallOptions } from '../../src/passthrough/call.ts'
import { Origins } from '../../src/passthrough/origins.ts'
import { PrivateCaches } from '../../src/passthrough/private-caches.ts'
import type { RequestPlan } from '../../src/passthrough/request.ts'
import { composeStack, type StackParts } from '../../src/passthrough/stack.ts'
import { createCore, createRawUpstream, failureOf, noInjection, refusalOf } from '../support/passthrough-core.ts'
import { createUpstream } from '../support/upstream.ts'

const secret = 'canary-s3cret+/='
const everywhere: Injection = {
  headers: { authorization: `Bearer ${secret}` },
  query: { key: secret },
  body: { token: secret },
}
const injected = { headers: ['authorization'], query: ['key'], body: ['token'] }

function createVault(injection: Injection = everywhere) {
  const opened: number[] = []
  const inject = () => {
    opened.push(opened.length)
    return injection
  }
  return { opened, inject }
}

describe('a credential', () => {
  test('arrives in header, query and body, once', async () => {
    await using upstream = await createUpstream()
    await using core = createCore({ url: upstream.url })
    const vault = createVault()
    const sent = await core.send({ method: 'POST', path: '/x?a=1', query: { b: 2 }, body: { c: 3 } }, vault, {
      injected,
    })
    expect(vault.opened).toHaveLength(1)
    expect(upstream.seen).toHaveLength(1)
    expect(upstream.seen[0]).toMatchObject({
      url: `/x?a=1&b=2&key=${encodeURIComponent(secret)}`,
      headers: { authorization: `Bearer ${secret}` },
      text: `{"c":3,"token":"${secret}"}`,
    })
    expect(sent.outcome).toMatchObject({ executed: true, attempts: 1, bytesSent: upstream.seen[0]?.text.length })
  })

  test.each([
    ['/x', '/x?key=k%26y'],
    ['/x?', '/x?key=k%26y'],
    ['/x?a', '/x?a&key=k%26y'],
    ['/x?a=1&', '/x?a=1&key=k%26y'],
    ['/x%3Fy', '/x%3Fy?key=k%26y'],
  ])('joins the query of %s', async (path, url) => {
    await using upstream = await createUpstream()
    await using core = createCore({ url: upstream.url })
    await core.send({ path }, createVault({ ...noInjection, query: { key: 'k&y' } }), { injected })
    expect(upstream.seen.map(seen => seen.url)).toEqual([url])
  })

  test('takes the place of a static header of its name', async () => {
    await using upstream = await createUpstream((_, response, raw) => response.end(JSON.stringify(raw.rawHeaders)))
    await using core = createCore({ url: upstream.url })
    const vault = createVault({ ...noInjection, headers: { 'x-key': secret } })
    const { response } = await core.send({}, vault, { headers: { 'x-key': 'fixed', 'x-other': 'x-key' } })
    const raw = JSON.parse(response.text()) as string[]
    expect(raw.filter((_, index) => index % 2 === 1 && raw[index - 1] === 'x-key')).toEqual([secret])
    expect(raw.filter((_, index) => index % 2 === 1 && raw[index - 1] === 'x-other')).toEqual(['x-key'])
  })

  test('is not opened for what is refused', async () => {
    await using upstream = await createUpstream()
    await using core = createCore({ url: upstream.url })
    const vault = createVault()
    const left = AbortSignal.abort()
    for (const call of [
      core.send({ path: 'https://evil.example/' }, vault),
      core.send({ path: '/../x' }, vault),
      core.send({ headers: { host: 'x' } }, vault),
      core.send({ options: { baseUrl: 'http://127.0.0.1:1' } }, vault),
      core.send({}, { ...vault, signal: left }),
    ]) {
      await expect(call).rejects.toThrow()
    }
    expect([vault.opened, upstream.seen]).toEqual([[], []])
  })

  test('that cannot be opened ends the call before anything is dialled', async () => {
    await using upstream = await createRawUpstream()
    await using core = createCore({ url: upstream.url })
    const inject = () => {
      throw new GatewayError('CONNECTION_NEEDS_REAUTH', 'The credential cannot be opened.')
    }
    const failure = await failureOf(core.send({ method: 'POST', body: 'x' }, { inject }))
    expect([failure.error.code, failure.message]).toEqual([
      'CONNECTION_NEEDS_REAUTH',
      'The credential cannot be opened.',
    ])
    expect(failure.outcome).toMatchObject({ executed: false, attempts: 0, bytesSent: 0, bytesReceived: 0 })
    expect(upstream.accepted).toHaveLength(0)
  })

  test('does not follow a redirect', async () => {
    await using other = await createUpstream()
    await using upstream = await createUpstream((_, response) => response.writeHead(302, { location: other.url }).end())
    await using core = createCore({ url: upstream.url, allow: `${upstream.host}, ${other.host}` })
    const { response } = await core.send({}, createVault({ ...noInjection, headers: { authorization: secret } }))
    expect([response.status, response.header('location'), other.seen]).toEqual([302, other.url, []])
  })

  test('goes to no other upstream of the same pool of connections', async () => {
    await using upstream = await createUpstream()
    await using core = createCore({ url: upstream.url })
    const one = createVault({ ...noInjection, headers: { authorization: 'one' } })
    const two = createVault({ ...noInjection, headers: { authorization: 'two' } })
    await Promise.all(Array.from({ length: 20 }, (_, i) => core.send({ path: `/${i % 2}` }, i % 2 === 0 ? one : two)))
    expect(
      upstream.seen.filter(({ url, headers }) => headers.authorization !== (url === '/0' ? 'one' : 'two')),
    ).toEqual([])
  })
})

describe('the secret stays below', () => {
  test('in plans, responses, outcomes and failures', async () => {
    await using upstream = await createUpstream((request, response) => {
      if (request.url.startsWith('/reset')) response.socket?.destroy()
      else response.end('ok')
    })
    await using core = createCore({ url: upstream.url })
    const plan = await core.plan({ method: 'POST', body: { a: 1 } }, { injected })
    const sent = await core.send({ method: 'POST', body: { a: 1 } }, createVault(), { injected })
    const failure = await failureOf(
      core.send({ method: 'POST', path: '/reset', body: { a: 1 } }, createVault(), { injected }),
    )
    for (const thing of [plan, sent, failure, failure.error.cause]) {
      expect(inspect(thing, { depth: 20, showHidden: true, maxStringLength: null })).not.toContain(secret)
    }
    expect(upstream.seen.every(seen => seen.headers.authorization === `Bearer ${secret}`)).toBe(true)
  })

  test('as the stack is ordered: credentials, then the guard, then the wire', async () => {
    const allow = HostAllowlist.parse('127.0.0.1:4001')
    const core = createCore({ url: 'http://127.0.0.1:4001' })
    const wire: Dispatcher.DispatchOptions[] = []
    const failures: Error[] = []
    const compose: Dispatcher['compose'] = ((interceptors: Dispatcher.DispatcherComposeInterceptor[]) => {
      let dispatch: Dispatcher['dispatch'] = options => wire.push(options) > 0
      for (const interceptor of interceptors) dispatch = interceptor(dispatch)
      return { dispatch }
    }) as unknown as Dispatcher['compose']
    const stack = composeStack({ compose } as Dispatcher, stackParts(allow))
    const handler = { onResponseError: (_: unknown, error: Error) => void failures.push(error) }
    const dispatch = (plan: RequestPlan, vault: { inject: () => Injection }) => {
      const call = new Call(plan, { inject: vault.inject })
      const headers = plan.headers.flat()
      const options: CallOptions = {
        call,
        origin: plan.url.origin,
        path: plan.url.path,
        method: plan.method,
        headers,
        body: plan.body as Buffer | null,
      }
      stack.dispatch(options, handler)
      return { call, options }
    }

    const vault = createVault({ ...noInjection, headers: { authorization: secret } })
    const plan = await core.plan({})
    const above = dispatch(plan, vault)
    expect(inspect(above, { depth: 9 })).not.toContain(secret)
    expect([wire.map(({ headers }) => headers), vault.opened.length]).toEqual([
      [['accept', '*/*', 'user-agent', 'passgate', 'authorization', secret]],
      1,
    ])

    // A plan that points elsewhere, however it came about, gets no credential and leaves nowhere.
    dispatch({ ...plan, url: { origin: 'https://evil.example', path: '/', refusal: undefined } }, vault)
    dispatch({ ...plan, url: { origin: 'http://127.0.0.1:4002', path: '/', refusal: undefined } }, vault)
    // One that is pinned but not allowed is stopped by the guard, after the credential.
    const inside = { ...plan.connection, hosts: ['10.0.0.1'] }
    dispatch({ ...plan, connection: inside, url: { origin: 'https://10.0.0.1', path: '/', refusal: undefined } }, vault)
    expect([wire.length, vault.opened.length]).toEqual([1, 2])
    expect(failures.map(error => (error as GatewayError).code)).toEqual(Array(3).fill('DESTINATION_NOT_ALLOWED'))
    expect(inspect(failures)).not.toContain(secret)
  })

  test('a request that never came through send is a mistake of ours', () => {
    const stack = composeStack(
      {
        compose: (list: Dispatcher.DispatcherComposeInterceptor[]) => ({
          dispatch: list.reduce((next, one) => one(next), (() => true) as Dispatcher['dispatch']),
        }),
      } as unknown as Dispatcher,
      stackParts(HostAllowlist.parse('')),
    )
    expect(() => stack.dispatch({ origin: 'https://a.example', path: '/', method: 'GET' }, {})).toThrow(
      new TypeError('a request entered the stack without its call'),
    )
  })
})

function stackParts(allow: HostAllowlist): StackParts {
  return {
    allow,
    limits: createLimits({ store: createMemoryStore() }),
    origins: new Origins(),
    caches: new PrivateCaches(),
  }
}

test('a body credential is planned for before it is opened', async () => {
  const core = createCore({ url: 'https://api.acme.example' })
  expect(await refusalOf(core.plan({ method: 'POST', body: [1] }, { injected }))).toMatchObject({
    code: 'INVALID_INPUT',
    message: 'The credential of this integration goes into the body; body takes a JSON object or a form.',
  })
})

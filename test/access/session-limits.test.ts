/** Sessions have limits of their own beside those of their key, which all of them share; and a budget that holds. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../support/upstream.ts'

const stack = new AsyncDisposableStack()
let upstream: Upstream
let gateway: TestGateway
/** What lets the answers to `/slow` go. */
let open: () => void = () => {}
let gate: Promise<void> = Promise.resolve()

beforeAll(async () => {
  upstream = stack.use(
    await createUpstream((request, response) => {
      const answer = () => sendJson(response, { ok: 'x'.repeat(1000) })
      if (request.url?.startsWith('/slow')) void gate.then(answer)
      else answer()
    }),
  )
  gateway = stack.use(await createGateway({ allow: [upstream.host] }))
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
  for (const endUserId of ['ann', 'bob']) {
    await gateway.createConnection({ integration: 'own', endUserId, credential: { bearer: { token: 't' } } })
  }
})
afterAll(() => stack.disposeAsync())

function closeGate(): void {
  gate = new Promise(resolve => {
    open = resolve
  })
}

async function createKey(input: object = {}): Promise<string> {
  const query = 'mutation($i: CreateAccessKeyInput!) { createAccessKey(input: $i) { secret } }'
  const scopes = ['SESSIONS_CREATE', 'PASSTHROUGH_READ']
  return (await gateway.ask(query, { i: { name: 'k', scopes, ...input } })).createAccessKey.secret
}

const mint = 'mutation($i: CreateSessionInput!) { createSession(input: $i) { token } }'

async function createSession(input: object = {}, key: string = adminKey): Promise<string> {
  return (await gateway.ask(mint, { i: { endUserId: 'ann', ...input } }, key)).createSession.token
}

const call = (token: string, path = '/x') =>
  gateway.run('query($path: String!) { passthrough(integration: "own", path: $path) { status } }', { path }, token)
const errorOf = async (answer: ReturnType<typeof call>) => (await answer).errors?.[0]
const limited = (message: string) => ({ message, extensions: { code: 'RATE_LIMITED' } })

/** Starts calls that wait for the gate, one after the other. */
async function startSlow(tokens: readonly string[]): Promise<ReturnType<typeof call>[]> {
  const started: ReturnType<typeof call>[] = []
  for (const token of tokens) {
    const before = upstream.seen.length
    started.push(call(token, `/slow/${started.length}`))
    await expect.poll(() => upstream.seen.length, { timeout: 10_000 }).toBe(before + 1)
  }
  return started
}

describe('calls at once', () => {
  test('of a key count those of all its sessions, and its own', async () => {
    closeGate()
    const key = await createKey({ maxConcurrency: 3 })
    const [one, two, three] = [await createSession({}, key), await createSession({}, key), await createSession({}, key)]
    const waiting = await startSlow([one, two, two])
    const full = 'Calls of this key and its sessions under way: 3; it takes 3 at once.'
    expect(await errorOf(call(three))).toMatchObject(limited(full))
    expect(await errorOf(call(one))).toMatchObject(limited(full))
    open()
    for (const { data } of await Promise.all(waiting)) expect(data.passthrough.status).toBe(200)
    expect(await errorOf(call(three))).toBeUndefined()
  })

  test('of a session leave the rest to the others', async () => {
    closeGate()
    const key = await createKey({ maxConcurrency: 2 })
    const [greedy, other] = [await createSession({ maxConcurrency: 1 }, key), await createSession({}, key)]
    const waiting = await startSlow([greedy])
    const full = 'Calls of this session under way: 1; it takes 1 at once.'
    expect(await errorOf(call(greedy))).toMatchObject(limited(full))
    expect(await errorOf(call(other))).toBeUndefined()
    open()
    for (const { data } of await Promise.all(waiting)) expect(data.passthrough.status).toBe(200)
    expect(await errorOf(call(greedy))).toBeUndefined()
  })
})

describe('a quota', () => {
  /** Four calls in one request: what becomes of each. */
  async function callFour(token: string): Promise<string[]> {
    const fields = [1, 2, 3, 4].map(n => `c${n}: passthrough(integration: "own", path: "/q/${n}") { status }`)
    const { errors = [], data } = await gateway.run(`{ ${fields.join(' ')} }`, {}, token)
    const refusals = errors.map(({ message }) => message.replace(/ is spent and comes back in \d+ s;.*/, ''))
    return [
      ...Object.values(data)
        .filter(call => call !== null)
        .map(() => 'sent'),
      ...refusals,
    ]
  }

  test('of a session leaves the rest of its key’s to the others', async () => {
    const key = await createKey({ quota: { requests: 5, perSeconds: 3600 } })
    const greedy = await createSession({ quota: { requests: 2, perSeconds: 3600 } }, key)
    const other = await createSession({}, key)
    const sent = upstream.seen.length
    const ofSession = 'The limit of this session'
    expect(await callFour(greedy)).toEqual(['sent', 'sent', ofSession, ofSession])
    expect(await callFour(other)).toEqual(['sent', 'sent', 'sent', 'The limit of this access key'])
    expect(upstream.seen.length - sent).toBe(5)
  })

  test('is no wider than the key’s', async () => {
    const key = await createKey({ quota: { requests: 5, perSeconds: 60 }, maxConcurrency: 2 })
    const quota = { requests: 6, perSeconds: 60 }
    const { errors } = await gateway.run(mint, { i: { endUserId: 'ann', quota, maxConcurrency: 3 } }, key)
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_INPUT',
      details: [
        {
          field: 'quota',
          message: 'quota takes no more than 5 requests in 60 s, as "k" has it; got 6 requests in 60 s.',
        },
        { field: 'maxConcurrency', message: 'maxConcurrency takes 1 to 2, as "k" has it; got 3.' },
      ],
    })
  })
})

describe('a budget of bytes', () => {
  test('is held by the calls under way: ten at once send one', async () => {
    const token = await createSession({ maxBytes: 10 })
    const sent = upstream.seen.length
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => call(token, `/b/${index}`)))
    expect(upstream.seen.length - sent).toBe(1)
    expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(1)
    const codes = answers.flatMap(({ errors = [] }) => errors.map(({ extensions }) => extensions.code))
    expect(codes).toHaveLength(9)
    for (const code of codes) expect(['RATE_LIMITED', 'BUDGET_EXCEEDED']).toContain(code)
    const [over] = (await call(token)).errors ?? []
    expect(over?.message).toMatch(/^The budget of this session is spent: \d+ bytes of 10\.$/)
    expect(over?.extensions.code).toBe('BUDGET_EXCEEDED')
    expect(upstream.seen.length - sent).toBe(1)
  })

  test('is free again for what a call under way did not take', async () => {
    closeGate()
    const token = await createSession({ maxBytes: 20_000 })
    const waiting = await startSlow([token, token])
    expect(await errorOf(call(token))).toMatchObject(
      limited(
        'Calls under way hold what is left of this session’s budget, 16384 bytes each: 0 bytes of 20000 are spent. Try again when one is over.',
      ),
    )
    open()
    for (const { data } of await Promise.all(waiting)) expect(data.passthrough.status).toBe(200)
    expect(await errorOf(call(token))).toBeUndefined()
  })

  test('counts a call before its answer is given', async () => {
    const token = await createSession({ maxBytes: 1500 })
    const codes = []
    for (let made = 0; made < 4; made += 1) codes.push((await errorOf(call(token, `/s/${made}`)))?.extensions.code)
    expect(codes).toEqual([undefined, undefined, 'BUDGET_EXCEEDED', 'BUDGET_EXCEEDED'])
  })

  test('is not held by a call that did not go out', async () => {
    await gateway.createIntegration({
      slug: 'inside',
      name: 'Inside',
      baseUrl: 'https://10.0.0.1',
      auth: [{ scheme: 'none' }],
    })
    await gateway.createConnection({ integration: 'inside', endUserId: 'ann', credential: { none: {} } })
    const token = await createSession({ maxBytes: 1500 })
    for (let made = 0; made < 3; made += 1) {
      const { errors } = await gateway.run('{ passthrough(integration: "inside", path: "/") { status } }', {}, token)
      expect(errors?.[0]?.extensions.code).toBe('DESTINATION_NOT_ALLOWED')
    }
    expect(await errorOf(call(token))).toBeUndefined()
  })
})

test('a key that could give a session nothing mints none', async () => {
  const key = await createKey({ scopes: ['SESSIONS_CREATE'] })
  const { errors } = await gateway.run(mint, { i: { endUserId: 'ann' } }, key)
  const message =
    'A session has scopes of its key, passthrough:read, passthrough:write, connections:read: the access key "k" needs one of them beside sessions:create.'
  expect(errors).toMatchObject([{ message, extensions: { code: 'INVALID_INPUT', details: [{ field: 'scopes' }] } }])
})

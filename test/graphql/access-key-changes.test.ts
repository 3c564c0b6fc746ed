/** What an access key may do changes without its secret, at once and for its sessions too, and never beyond who changes it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

const stack = new AsyncDisposableStack()
let upstream: Upstream
let gateway: TestGateway

beforeAll(async () => {
  upstream = stack.use(await createUpstream())
  gateway = stack.use(await createGateway({ allow: [upstream.host] }))
  await gateway.createIntegration({ slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'bearer' }] })
  await gateway.createConnection({ integration: 'own', endUserId: 'u', credential: { bearer: { token: 't' } } })
})
afterAll(() => stack.disposeAsync())

async function createKey(input: object, by = adminKey): Promise<{ id: string; secret: string }> {
  const query = 'mutation($i: CreateAccessKeyInput!) { createAccessKey(input: $i) { secret accessKey { id } } }'
  const { createAccessKey: made } = await gateway.ask(query, { i: { name: 'k', ...input } }, by)
  return { id: made.accessKey.id, secret: made.secret }
}

const fields =
  'name scopes expiresAt maxConcurrency quota { requests perSeconds } rules { effect paths } connectionId registeredOnly'
const update = (id: string, change: object, by = adminKey) =>
  gateway.run(
    `mutation($i: UpdateAccessKeyInput!) { updateAccessKey(input: $i) { accessKey { ${fields} } } }`,
    { i: { id, ...change } },
    by,
  )
const refusalOf = async (answer: ReturnType<typeof update>) => {
  const [error] = (await answer).errors ?? []
  return [error?.extensions.code, error?.message]
}
const codeOf = async (token: string, path = '/x', method = 'GET') => {
  const query = `mutation { passthrough(integration: "own", endUserId: "u", method: ${method}, path: "${path}") { status } }`
  const { data, errors } = await gateway.run(query, {}, token)
  return errors?.[0]?.extensions.code ?? data.passthrough.status
}

describe('a change', () => {
  test('counts from the next request on, for sessions too, and what is not named stays', async () => {
    const key = await createKey({ scopes: ['PASSTHROUGH_READ', 'PASSTHROUGH_WRITE', 'SESSIONS_CREATE'] })
    const mint = 'mutation { createSession(input: {endUserId: "u"}) { token } }'
    const session = (await gateway.ask(mint, {}, key.secret)).createSession.token
    const outcomes = async () => [
      await codeOf(key.secret, '/secret'),
      await codeOf(session, '/secret'),
      await codeOf(key.secret, '/x', 'POST'),
      await codeOf(session, '/x', 'POST'),
    ]
    expect(await outcomes()).toEqual([200, 200, 200, 200])
    await update(key.id, { rules: [{ effect: 'DENY', paths: ['/secret'] }] })
    expect(await outcomes()).toEqual(['POLICY_DENIED', 'POLICY_DENIED', 200, 200])
    const { data } = await update(key.id, { name: ' reader ', scopes: ['SESSIONS_CREATE', 'PASSTHROUGH_READ'] })
    expect(data.updateAccessKey.accessKey).toEqual({
      name: 'reader',
      scopes: ['PASSTHROUGH_READ', 'SESSIONS_CREATE'],
      expiresAt: null,
      maxConcurrency: null,
      quota: null,
      rules: [{ effect: 'DENY', paths: ['/secret'] }],
      connectionId: null,
      registeredOnly: false,
    })
    expect(await outcomes()).toEqual(['POLICY_DENIED', 'POLICY_DENIED', 'FORBIDDEN', 'FORBIDDEN'])
    await update(key.id, { rules: null })
    expect(await codeOf(key.secret, '/secret')).toBe(200)
  })

  test('sets bounds and takes them away', async () => {
    const key = await createKey({ scopes: ['PASSTHROUGH_READ'] })
    const bounds = {
      expiresAt: '2100-01-01T00:00:00.000Z',
      quota: { requests: 5, perSeconds: 60 },
      maxConcurrency: 3,
    }
    expect((await update(key.id, bounds)).data.updateAccessKey.accessKey).toMatchObject(bounds)
    const none = { expiresAt: null, quota: null, maxConcurrency: null }
    expect((await update(key.id, none)).data.updateAccessKey.accessKey).toMatchObject(none)
  })

  test('is in the audit trail by the names of what changed', async () => {
    const key = await createKey({ scopes: ['CALLS_READ'] })
    await update(key.id, { name: 'renamed', quota: null })
    const { auditEvents } = await gateway.ask('{ auditEvents(first: 1) { nodes { action targetId details } } }')
    expect(auditEvents.nodes).toEqual([
      {
        action: 'accessKey.updated',
        targetId: key.id,
        details: { name: 'renamed', changed: expect.arrayContaining(['name']) },
      },
    ])
  })
})

test('nothing to change leaves the key as it is', async () => {
  const key = await createKey({ scopes: ['CALLS_READ'] })
  for (const change of [{}, { name: null }, { scopes: null }]) {
    expect((await update(key.id, change)).data.updateAccessKey.accessKey).toMatchObject({
      name: 'k',
      scopes: ['CALLS_READ'],
    })
  }
})

describe('a key that was narrowed a moment ago', () => {
  /** Proved before it was narrowed, as a request under way was. */
  async function narrowed(change: object) {
    const key = await createKey({ scopes: ['KEYS_WRITE', 'PASSTHROUGH_WRITE', 'SESSIONS_CREATE'] })
    const { accessKeys, sessions } = gateway.app.services
    const caller = await accessKeys.authenticate(key.secret)
    await update(key.id, change)
    return { id: key.id, caller, accessKeys, sessions }
  }

  test('does not undo it', async () => {
    const { id, caller, accessKeys } = await narrowed({ rules: [{ effect: 'DENY', paths: ['/secret'] }] })
    await expect(accessKeys.update(caller, id, { rules: null })).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(accessKeys.create(caller, { name: 'x', scopes: ['keys:write'] })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    })
  })

  test('gives what it lost to no key and no session', async () => {
    const { id, caller, accessKeys, sessions } = await narrowed({ scopes: ['KEYS_WRITE', 'SESSIONS_CREATE'] })
    const scopes = ['passthrough:write'] as const
    const attempts = [
      () => accessKeys.update(caller, id, { scopes }),
      () => accessKeys.create(caller, { name: 'x', scopes }),
      () => sessions.create(caller, { endUserId: 'u', scopes }),
    ]
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})

describe('refused is', () => {
  test.each([
    [{ name: ' ' }, 'name takes 1 to 200 characters; got 0.'],
    [{ scopes: [] }, 'scopes takes at least one scope; got none.'],
    [{ expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt takes a time in the future; got 2020-01-01T00:00:00.000Z.'],
    [{ maxConcurrency: 0 }, 'maxConcurrency takes a whole number from 1 to 10000; got 0.'],
  ])('%j', async (change, message) => {
    const key = await createKey({ scopes: ['CALLS_READ'] })
    expect(await refusalOf(update(key.id, change))).toEqual(['INVALID_INPUT', message])
  })

  test('what is wider than who asks', async () => {
    const bounds = { quota: { requests: 50, perSeconds: 60 }, maxConcurrency: 2 }
    const maker = await createKey({ scopes: ['KEYS_WRITE', 'CALLS_READ'], ...bounds })
    const made = await createKey({ scopes: ['CALLS_READ'], ...bounds }, maker.secret)
    for (const id of [made.id, maker.id]) {
      expect(await refusalOf(update(id, { scopes: ['ADMIN'] }, maker.secret))).toEqual([
        'FORBIDDEN',
        'A key cannot make another wider than itself: "k" lacks admin.',
      ])
      expect(await refusalOf(update(id, { quota: null }, maker.secret))).toEqual([
        'INVALID_INPUT',
        id === maker.id
          ? 'quota of a key is not its own to change: each figure is counted anew.'
          : 'quota takes no more than 50 requests in 60 s, as "k" has it; got none.',
      ])
      expect((await update(id, { maxConcurrency: 1 }, maker.secret)).errors).toBeUndefined()
    }
  })

  test('a key with rules changing itself', async () => {
    const key = await createKey({ scopes: ['ADMIN'], rules: [{ effect: 'DENY', paths: ['/secret'] }] })
    expect(await refusalOf(update(key.id, { rules: null }, key.secret))).toEqual([
      'FORBIDDEN',
      'A key with rules, or for registered operations or one connection only, can change no key.',
    ])
  })

  test('the preset key, one of another workspace, and scopes that a key of one connection cannot have', async () => {
    const { accessKeys, connections } = await gateway.ask(
      '{ accessKeys(last: 1) { nodes { id } } connections { nodes { id } } }',
    )
    expect(await refusalOf(update(accessKeys.nodes[0].id, { scopes: ['CALLS_READ'] }))).toEqual([
      'INVALID_INPUT',
      'The preset key is the operator’s: it opens the whole workspace.',
    ])
    const bound = await createKey({ scopes: ['PASSTHROUGH_READ'], connectionId: connections.nodes[0].id })
    expect(await refusalOf(update(bound.id, { scopes: ['CALLS_READ'] }))).toEqual([
      'INVALID_INPUT',
      'A key for one connection takes the scopes passthrough:read and passthrough:write; got calls:read.',
    ])
    const stranger = await gateway.createWorkspace()
    expect(await refusalOf(update(bound.id, { name: 'mine' }, stranger))).toEqual([
      'INVALID_INPUT',
      'The workspace has no access key with this id.',
    ])
  })
})

/** Nobody outgrows what they hold: by no key that they make, renew or end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, createGateway, type TestGateway } from '../support/gateway.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway

beforeAll(async () => {
  gateway = stack.use(await createGateway())
})
afterAll(() => stack.disposeAsync())

interface Key {
  readonly id: string
  readonly secret: string
}

const create =
  'mutation($i: CreateAccessKeyInput!) { createAccessKey(input: $i) { secret accessKey { id expiresAt maxConcurrency quota { requests perSeconds } } } }'
const rotate = 'mutation($id: ID!) { rotateAccessKey(input: {id: $id}) { secret } }'
const update = 'mutation($id: ID!) { updateAccessKey(input: {id: $id, name: "mine"}) { accessKey { id } } }'
const remove = 'mutation($id: ID!) { deleteAccessKey(input: {id: $id}) { deletedAccessKeyId } }'

async function createKey(input: object, by: string = adminKey): Promise<Key> {
  const { createAccessKey } = await gateway.ask(create, { i: { name: 'k', ...input } }, by)
  return { secret: createAccessKey.secret, id: createAccessKey.accessKey.id }
}

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()
const forbidden = (message: string) => [{ message, extensions: { code: 'FORBIDDEN' } }]
const narrowed = (verb: string) =>
  `A key with rules, or for registered operations or one connection only, can ${verb} no key${verb === 'change' ? '' : ' but itself'}.`

/** Callers that may change keys, and what each says to a key that is wider than they are. */
const callers: readonly [string, object, (verb: string) => string | RegExp][] = [
  ['rules', { scopes: ['ADMIN'], rules: [{ effect: 'ALLOW', paths: ['/contacts*'], methods: ['GET'] }] }, narrowed],
  ['fewer scopes', { scopes: ['KEYS_WRITE'] }, verb => `A key cannot ${verb} a wider one: "k" lacks calls:read.`],
  [
    'a quota',
    { scopes: ['ADMIN'], quota: { requests: 3, perSeconds: 86_400 } },
    verb =>
      `A key cannot ${verb} a wider one: quota takes no more than 3 requests in 86400 s, as "k" has it; got none.`,
  ],
  [
    'a number of calls at once',
    { scopes: ['ADMIN'], maxConcurrency: 2 },
    verb => `A key cannot ${verb} a wider one: maxConcurrency takes 1 to 2, as "k" has it; got none.`,
  ],
]

describe.each(callers)('a key with %s', (_name, input, refusal) => {
  test.each([
    ['rotate', rotate],
    ['change', update],
    ['delete', remove],
  ])('does not %s a wider one, which stays as it is', async (verb, query) => {
    const caller = await createKey(input)
    const target = await createKey({ scopes: ['CALLS_READ'] })
    const answer = await gateway.run(query, { id: target.id }, caller.secret)
    expect(answer.errors).toMatchObject(forbidden(String(refusal(verb))))
    expect((await gateway.run('{ viewer { name } }', {}, target.secret)).errors).toBeUndefined()
  })

  test('rotates and deletes itself', async () => {
    const caller = await createKey(input)
    const { rotateAccessKey } = await gateway.ask(rotate, { id: caller.id }, caller.secret)
    expect(await gateway.ask(remove, { id: caller.id }, rotateAccessKey.secret)).toEqual({
      deleteAccessKey: { deletedAccessKeyId: caller.id },
    })
  })
})

describe('a key that ends', () => {
  test('renews and ends none that ends later', async () => {
    const caller = await createKey({ scopes: ['ADMIN'], expiresAt: inAnHour() })
    const target = await createKey({ scopes: ['CALLS_READ'] })
    for (const query of [rotate, remove]) {
      const { errors } = await gateway.run(query, { id: target.id }, caller.secret)
      expect(errors?.[0]?.message).toMatch(/^A key cannot \w+ a wider one: expiresAt takes a time until .* got none\.$/)
      expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN')
    }
  })

  test('makes keys that end when it does, unless they end sooner', async () => {
    const expiresAt = inAnHour()
    const { secret } = await createKey({ scopes: ['KEYS_WRITE'], expiresAt })
    const made = (input: object) =>
      gateway.run(create, { i: { name: 'x', scopes: ['KEYS_WRITE'], ...input } }, secret).then(({ data, errors }) => ({
        key: data?.createAccessKey?.accessKey,
        error: errors?.[0],
      }))
    expect((await made({})).key.expiresAt).toBe(expiresAt)
    expect((await made({ expiresAt: null })).key.expiresAt).toBe(expiresAt)
    const sooner = new Date(Date.parse(expiresAt) - 1000).toISOString()
    expect((await made({ expiresAt: sooner })).key.expiresAt).toBe(sooner)
    const later = new Date(Date.parse(expiresAt) + 1000).toISOString()
    const message = `expiresAt takes a time until ${expiresAt}, as "k" has it; got ${later}.`
    expect((await made({ expiresAt: later })).error).toMatchObject({
      message,
      extensions: { code: 'INVALID_INPUT', details: [{ field: 'expiresAt', message }] },
    })
  })
})

describe('a key with limits makes keys', () => {
  const limits = { quota: { requests: 10, perSeconds: 60 }, maxConcurrency: 2 }
  const make = async (input: object) => {
    const { secret } = await createKey({ scopes: ['KEYS_WRITE'], ...limits })
    return await gateway.run(create, { i: { name: 'x', scopes: ['KEYS_WRITE'], ...input } }, secret)
  }

  test('with the same, when none are asked for', async () => {
    const { data } = await make({})
    expect(data.createAccessKey.accessKey).toMatchObject(limits)
  })

  test.each([
    [{ maxConcurrency: 1 }, { maxConcurrency: 1 }],
    [{ quota: { requests: 10, perSeconds: 600 } }, { quota: { requests: 10, perSeconds: 600 } }],
    [{ quota: { requests: 1, perSeconds: 6 } }, { quota: { requests: 1, perSeconds: 6 } }],
  ])('with less: %o', async (input, shown) => {
    const { data } = await make(input)
    expect(data.createAccessKey.accessKey).toMatchObject({ ...limits, ...shown })
  })

  const quota = 'quota takes no more than 10 requests in 60 s, as "k" has it; got'
  test.each([
    [{ maxConcurrency: 3 }, 'maxConcurrency', 'maxConcurrency takes 1 to 2, as "k" has it; got 3.'],
    [{ quota: { requests: 11, perSeconds: 60 } }, 'quota', `${quota} 11 requests in 60 s.`],
    [{ quota: { requests: 11, perSeconds: 600 } }, 'quota', `${quota} 11 requests in 600 s.`],
    [{ quota: { requests: 2, perSeconds: 11 } }, 'quota', `${quota} 2 requests in 11 s.`],
  ])('but not with more: %o', async (input, field, message) => {
    const { errors } = await make(input)
    expect(errors).toMatchObject([{ message, extensions: { code: 'INVALID_INPUT', details: [{ field, message }] } }])
  })
})

describe('who opens the workspace stays', () => {
  const idOf = async (secret: string) =>
    (await gateway.ask('{ viewer { accessKeyId } }', {}, secret)).viewer.accessKeyId

  test('the preset key is not deleted', async () => {
    const { errors } = await gateway.run(remove, { id: await idOf(adminKey) })
    expect(errors).toMatchObject([
      {
        message:
          'The preset key cannot be deleted: start the gateway with another PASSGATE_ADMIN_KEY, and its old secret opens nothing.',
        extensions: { code: 'INVALID_INPUT', details: [{ field: 'id' }] },
      },
    ])
    expect((await gateway.run('{ viewer { name } }')).errors).toBeUndefined()
  })

  test('of a workspace’s admin keys one is left, whoever deletes at once', async () => {
    const { createWorkspace } = await gateway.ask('mutation { createWorkspace(input: {name: "w"}) { secret } }')
    const first = { secret: createWorkspace.secret, id: await idOf(createWorkspace.secret) }
    const narrow = { scopes: ['ADMIN'], rules: [{ effect: 'DENY', paths: ['/x'] }] }
    await createKey(narrow, first.secret)
    const message =
      'The last admin key of the workspace cannot be deleted: nobody could open it again. Make another admin key first.'
    expect((await gateway.run(remove, { id: first.id }, first.secret)).errors).toMatchObject([
      { message, extensions: { code: 'INVALID_INPUT', details: [{ field: 'id' }] } },
    ])
    const keys = [first]
    for (let made = 0; made < 5; made += 1) keys.push(await createKey({ scopes: ['ADMIN'] }, first.secret))
    const answers = await Promise.all(keys.map(({ id, secret }) => gateway.run(remove, { id }, secret)))
    expect(answers.filter(({ errors }) => errors?.[0]?.message === message)).toHaveLength(1)
    expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(5)
  })
})

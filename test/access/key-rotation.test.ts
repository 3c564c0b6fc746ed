/** A rotation keeps what it promised: an old secret works until its own end, whatever comes after. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway

beforeAll(async () => {
  gateway = stack.use(await createGateway())
})
afterAll(() => stack.disposeAsync())

const rotate = 'mutation($i: RotateAccessKeyInput!) { rotateAccessKey(input: $i) { secret accessKey { id } } }'

async function createKey(): Promise<{ id: string; secret: string }> {
  const query =
    'mutation { createAccessKey(input: {name: "r", scopes: [PASSTHROUGH_READ]}) { secret accessKey { id } } }'
  const { createAccessKey } = await gateway.ask(query)
  return { id: createAccessKey.accessKey.id, secret: createAccessKey.secret }
}

async function rotated(input: object): Promise<string> {
  return (await gateway.ask(rotate, { i: input })).rotateAccessKey.secret
}

const codeOf = async (secret: string) =>
  (await gateway.run('{ viewer { name } }', {}, secret)).errors?.[0]?.extensions.code

test('a second one is refused while the first old secret still works, and changes nothing', async () => {
  const { id, secret: first } = await createKey()
  const second = await rotated({ id, overlapSeconds: 60 })
  const { errors } = await gateway.run(rotate, { i: { id, overlapSeconds: 30 } })
  expect(errors?.[0]?.message).toMatch(
    /^The secret before this one was promised to work until \S+Z: rotate after that, or with overlapSeconds: 0, which ends both old secrets at once\.$/,
  )
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'overlapSeconds' }] })
  expect([await codeOf(first), await codeOf(second)]).toEqual([undefined, undefined])
})

test('with overlapSeconds: 0 both old secrets end at once, and the next rotation may overlap again', async () => {
  const { id, secret: first } = await createKey()
  const second = await rotated({ id, overlapSeconds: 60 })
  const third = await rotated({ id, overlapSeconds: 0 })
  expect([await codeOf(first), await codeOf(second), await codeOf(third)]).toEqual([
    'UNAUTHENTICATED',
    'UNAUTHENTICATED',
    undefined,
  ])
  const fourth = await rotated({ id, overlapSeconds: 60 })
  expect([await codeOf(third), await codeOf(fourth)]).toEqual([undefined, undefined])
})

test.each([{}, { overlapSeconds: null }])('the old secret works for a day when asked with %o', async input => {
  const { id, secret } = await createKey()
  const next = await rotated({ id, ...input })
  expect([await codeOf(secret), await codeOf(next)]).toEqual([undefined, undefined])
  const { auditEvents } = await gateway.ask('{ auditEvents(first: 1) { nodes { action details } } }')
  expect(auditEvents.nodes).toEqual([{ action: 'accessKey.rotated', details: { name: 'r', overlapSeconds: 86_400 } }])
})

test('of several at once one is made, and its old secret works', async () => {
  const { id, secret } = await createKey()
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => gateway.run(rotate, { i: { id, overlapSeconds: 60 } })),
  )
  const made = answers.filter(({ errors }) => errors === undefined)
  expect(made).toHaveLength(1)
  expect(await codeOf(secret)).toBeUndefined()
  expect(await codeOf(made[0]?.data.rotateAccessKey.secret)).toBeUndefined()
})

/** The operator renews the key that signs sessions: old tokens stay good, unless they are to end. */
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway

beforeAll(async () => {
  gateway = stack.use(await createGateway())
})
afterAll(() => stack.disposeAsync())

const rotate = 'mutation($i: RotateSessionSigningKeyInput!) { rotateSessionSigningKey(input: $i) { signingKeyId } }'

async function rotated(input: object): Promise<string> {
  return (await gateway.ask(rotate, { i: input })).rotateSessionSigningKey.signingKeyId
}

async function mint(): Promise<string> {
  return (await gateway.ask('mutation { createSession(input: {endUserId: "ann"}) { token } }')).createSession.token
}

async function published(): Promise<unknown[]> {
  const jwks = await fetch(new URL('.well-known/jwks.json', gateway.url))
  return ((await jwks.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
}

const keyOf = (token: string) => decodeProtectedHeader(token).kid
const codeOf = async (token: string) =>
  (await gateway.run('{ viewer { name } }', {}, token)).errors?.[0]?.extensions.code

test('a new key signs, and the tokens of the one before it stay good', async () => {
  const old = await mint()
  const id = await rotated({})
  const next = await mint()
  expect(keyOf(next)).toBe(id)
  expect(keyOf(old)).not.toBe(id)
  expect([await codeOf(old), await codeOf(next)]).toEqual([undefined, undefined])
  expect(await published()).toEqual([keyOf(next), keyOf(old)])
})

test('with revokeOld every token before it ends at once, also those of earlier rotations', async () => {
  const oldest = await mint()
  await rotated({ revokeOld: false })
  const old = await mint()
  expect([await codeOf(oldest), await codeOf(old)]).toEqual([undefined, undefined])
  const id = await rotated({ revokeOld: true })
  expect([await codeOf(oldest), await codeOf(old)]).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED'])
  expect(await published()).toEqual([id])
  expect(await codeOf(await mint())).toBeUndefined()
})

test('only the operator may', async () => {
  const stranger = await gateway.createWorkspace()
  const before = await published()
  const { errors } = await gateway.run(rotate, { i: { revokeOld: true } }, stranger)
  expect(errors).toMatchObject([
    {
      message: 'One key signs the session tokens of all workspaces: this needs an admin key of the default workspace.',
      extensions: { code: 'FORBIDDEN' },
    },
  ])
  expect(await published()).toEqual(before)
})

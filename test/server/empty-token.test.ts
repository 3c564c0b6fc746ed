/** An authorization header without its key says so, on every face. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway

beforeAll(async () => {
  gateway = stack.use(await createGateway())
})
afterAll(() => stack.disposeAsync())

test.each(['Bearer', 'Bearer ', 'bearer', 'token', 'Basic'])('%j', async authorization => {
  const message = `The authorization header has no access key after \`${authorization.trim()}\`.`
  const asked = await fetch(new URL('graphql', gateway.url), {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ viewer { name } }' }),
  })
  expect(await asked.json()).toMatchObject({ errors: [{ message, extensions: { code: 'UNAUTHENTICATED' } }] })
  const path = 'passthrough/conn_00000000000000000000000000/x'
  const sent = await fetch(new URL(path, gateway.url), { headers: { authorization } })
  expect(sent.status).toBe(401)
  expect(await sent.json()).toMatchObject({ code: 'UNAUTHENTICATED', detail: message })
})

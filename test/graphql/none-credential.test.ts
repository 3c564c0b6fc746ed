/** A connection without a credential is one that says so. */
import { expect, test } from 'vitest'
import { createGateway } from '../support/gateway.ts'

const connect = (none: string) =>
  `mutation { createConnection(input: {integration: "open", endUserId: "ann", credential: {none: ${none}}}) { connection { authScheme } } }`

test('none takes ok: true, or nothing for it', async () => {
  await using gateway = await createGateway()
  const open = { slug: 'open', name: 'Open', baseUrl: 'https://open.example', auth: [{ scheme: 'none' }] }
  await gateway.createIntegration(open)
  const message = 'credential.none.ok got false; it takes true, which says that no credential is meant.'
  const { errors } = await gateway.run(connect('{ok: false}'))
  expect(errors?.[0]?.message).toBe(message)
  expect(errors?.[0]?.extensions).toMatchObject({
    code: 'INVALID_INPUT',
    details: [{ field: 'credential.none.ok', message }],
  })
  expect((await gateway.ask('{ connections(first: 1) { nodes { id } } }')).connections.nodes).toEqual([])
  for (const none of ['{ok: true}', '{}']) {
    expect((await gateway.ask(connect(none))).createConnection.connection.authScheme).toBe('NONE')
  }
})

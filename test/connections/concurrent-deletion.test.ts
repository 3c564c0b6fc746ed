/** Deleting a connection several times at once is the same answer for each, and one deletion. */
import { expect, test } from 'vitest'
import { createGateway } from '../support/gateway.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'
import { readRows } from './attacks/vendor-house.ts'

const erase =
  'mutation($id: ID!) { deleteConnection(input: { id: $id }) { deletedConnectionId steps { step outcome message } } }'
const done = (step: string) => ({ step, outcome: 'DONE', message: null })

test('five at once are told what one after the other would be, and the vendor is asked once', async () => {
  const gate = Promise.withResolvers<void>()
  await using vendor = await createUpstream(
    (_request, response) => void gate.promise.then(() => sendJson(response, {})),
  )
  await using gateway = await createGateway({ allow: [vendor.host] })
  const { url } = vendor
  const auth = [{ scheme: 'oauth2', tokenUrl: `${url}/token`, revocationUrl: `${url}/revoke` }]
  await gateway.createIntegration({ slug: 'acme', name: 'Acme', baseUrl: url, auth })
  const credential = { oauth2: { accessToken: 'a' } }
  const id = await gateway.createConnection({ integration: 'acme', endUserId: 'ann', credential })
  const answers = Array.from({ length: 5 }, () => gateway.run(erase, { id }))
  await expect.poll(() => vendor.seen.length).toBe(1)
  gate.resolve()
  const steps = [done('STOP'), done('REVOKE'), done('ERASE')]
  const expected = { errors: undefined, data: { deleteConnection: { deletedConnectionId: id, steps } } }
  for (const answer of await Promise.all(answers)) expect(answer).toMatchObject(expected)
  expect(await gateway.run(erase, { id })).toMatchObject(expected)
  expect(vendor.seen).toHaveLength(1)
  const count = async (table: string, name: string) =>
    (await readRows(gateway, `select 1 from ${table} where ${name} = 'connection.deleted'`)).length
  expect(await count('audit_events', 'action')).toBe(1)
  expect(await count('connection_events', 'type')).toBe(1)
  expect(gateway.log().match(/connection deleted/g)).toHaveLength(1)
})

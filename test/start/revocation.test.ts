/** What is revoked on one replica opens nothing on another a second later. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createTestPlace } from '../support/database.ts'
import { listen } from '../support/sse-messages.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'
import { envOf, startPassgate } from './process.ts'

/** As long as a replica may still take what was revoked elsewhere. */
const withinMs = 1_000

test('keys, rotated secrets and sessions', { timeout: 60_000 }, async () => {
  await using place = await createTestPlace('postgres')
  const start = (number: number) =>
    startPassgate(envOf(place, { PASSGATE_DATA_DIR: join(place.dataDir, String(number)) }))
  await using one = start(1)
  await using two = start(2)
  await Promise.all([one.listening(), two.listening()])
  const ask = async (query: string, key?: string) => {
    const { data, errors } = await one.ask(query, {}, key)
    expect(errors).toBeUndefined()
    return data
  }
  const createKey = async (name: string) => {
    const scopes = '[SESSIONS_CREATE, PASSTHROUGH_READ, CONNECTIONS_READ]'
    const query = `mutation { createAccessKey(input: {name: "${name}", scopes: ${scopes}}) { secret accessKey { id } } }`
    return (await ask(query)).createAccessKey
  }
  const doomed = await createKey('doomed')
  const rotated = await createKey('rotated')
  const maker = await createKey('maker')
  const mint = async () =>
    (await ask('mutation { createSession(input: {endUserId: "u"}) { id token } }', maker.secret)).createSession
  const revoked = await mint()
  const orphaned = await mint()
  const codeOf = async (token: string) => (await two.ask('{ viewer { name } }', {}, token)).errors?.[0]?.extensions.code
  const tokens = [doomed.secret, rotated.secret, revoked.token, orphaned.token]
  for (const token of tokens) expect(await codeOf(token)).toBeUndefined()

  await ask(`mutation { deleteAccessKey(input: {id: "${doomed.accessKey.id}"}) { deletedAccessKeyId } }`)
  const rotate = `mutation { rotateAccessKey(input: {id: "${rotated.accessKey.id}", overlapSeconds: 0}) { secret } }`
  const { secret } = (await ask(rotate)).rotateAccessKey
  await ask(`mutation { revokeSession(input: {id: "${revoked.id}"}) { revokedSessionId } }`)
  await ask(`mutation { deleteAccessKey(input: {id: "${maker.accessKey.id}"}) { deletedAccessKeyId } }`)
  await sleep(withinMs)
  for (const token of tokens) expect(await codeOf(token)).toBe('UNAUTHENTICATED')
  expect(await codeOf(secret)).toBeUndefined()

  const mintAgain = async () =>
    (await ask('mutation { createSession(input: {endUserId: "u"}) { token } }')).createSession
  const before = await mintAgain()
  expect(await codeOf(before.token)).toBeUndefined()
  await ask('mutation { rotateSessionSigningKey(input: {revokeOld: true}) { signingKeyId } }')
  await sleep(withinMs)
  expect(await codeOf(before.token)).toBe('UNAUTHENTICATED')
  expect(await codeOf((await mintAgain()).token)).toBeUndefined()
})

test('what a key listens to, and what its events send', { timeout: 60_000 }, async () => {
  await using upstream = await createUpstream((_request, response) => sendJson(response, {}))
  await using place = await createTestPlace('postgres')
  const start = (number: number) => {
    const own = { PASSGATE_DATA_DIR: join(place.dataDir, String(number)), PASSGATE_EGRESS_ALLOW: upstream.host }
    return startPassgate(envOf(place, own))
  }
  await using one = start(1)
  await using two = start(2)
  const [, listened] = await Promise.all([one.listening(), two.listening()])
  const ask = async (query: string, variables?: object) => {
    const { data, errors } = await one.ask(query, variables)
    expect(errors).toBeUndefined()
    return data
  }
  const define = 'mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { slug } } }'
  await ask(define, { d: { slug: 'own', name: 'Own', baseUrl: upstream.url, auth: [{ scheme: 'none' }] } })
  const connect = (endUserId: string) =>
    ask('mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }', {
      i: { integration: 'own', endUserId, credential: { none: {} } },
    })
  const create =
    'mutation { createAccessKey(input: {name: "l", scopes: [PASSTHROUGH_READ, CONNECTIONS_READ]}) { secret accessKey { id } } }'
  const { secret, accessKey } = (await ask(create)).createAccessKey
  const query = `subscription { connectionEvents { connection { endUserId passthrough(path: "/") { status } } } }`
  await using stream = await listen(listened, { query }, secret)
  await connect('early')
  expect((await stream.next())?.data.data.connectionEvents.connection).toEqual({
    endUserId: 'early',
    passthrough: { status: 200 },
  })

  await ask(`mutation { deleteAccessKey(input: {id: "${accessKey.id}"}) { deletedAccessKeyId } }`)
  await sleep(withinMs)
  const sent = upstream.seen.length
  await connect('late')
  const { data: last } = (await stream.next()) ?? {}
  expect(last).toMatchObject({ data: null, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
  expect((await stream.next())?.event).toBe('complete')
  expect(await stream.next()).toBeUndefined()
  expect(upstream.seen).toHaveLength(sent)
})

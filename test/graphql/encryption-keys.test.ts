/** The operator rotates the encryption keys through GraphQL, and everything that was ever sealed opens with the new one alone. */
import { randomBytes } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import { describe, expect, test } from 'vitest'
import { type App, createApp } from '../../src/app.ts'
import { readConfig, Secrets } from '../../src/config.ts'
import { ConnectVisits } from '../../src/connections/connect.ts'
import { CredentialSeal } from '../../src/connections/credential-seal.ts'
import { createEvents } from '../../src/events.ts'
import { createLogger } from '../../src/log.ts'
import { createConnectSessionStore } from '../../src/store/connect-sessions.ts'
import { createConnectionDeletionStore } from '../../src/store/connection-deletions.ts'
import { createConnectionStore } from '../../src/store/connections.ts'
import type { Db } from '../../src/store/database.ts'
import { newId } from '../../src/store/ids.ts'
import { createSealedRowStore, sealedTables } from '../../src/store/sealed-rows.ts'
import { webhookEndpoints, workspaces } from '../../src/store/tables.ts'
import { webhookEndpointBinding } from '../../src/vault/bindings.ts'
import { type EncryptionKey, KeyRing } from '../../src/vault/key-ring.ts'
import { Vault } from '../../src/vault/vault.ts'
import { kinds } from '../store/fixtures.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { adminKey } from '../support/gateway.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'

const a: EncryptionKey = { id: 'a', key: randomBytes(32) }
const b: EncryptionKey = { id: 'b', key: randomBytes(32) }

const listKeys = '{ encryptionKeys { id isPrimary isInRing rows } }'
const rotation =
  'isRunning startedAt finishedAt doneRows totalRows movedRows failedRows message failures { table rowId message }'
const rotate = `mutation { rotateEncryptionKeys { ${rotation} } }`
const showRotation = `{ encryptionKeyRotation { ${rotation} } }`
const callOnce = `mutation($id: ID!) { passthrough(connectionId: $id, method: POST, path: "/once", body: {}, options: { idempotencyKey: "k" }) { status body } }`

/** A gateway on a database that outlives it. */
async function start({ db, ...database }: TestDatabase, keys: readonly EncryptionKey[], allow = '') {
  const { config } = readConfig({ PORT: '0', PASSGATE_SANDBOX: 'off', PASSGATE_EGRESS_ALLOW: allow })
  const lines: string[] = []
  const log = createLogger({ level: 'info', destination: { write: line => lines.push(line) } })
  const secrets = new Secrets({ adminKey, encryptionKeys: keys })
  const app = await createApp({ config, secrets, log, database: { db, ...database } })
  const url = await app.listen()
  async function run(query: string, variables: object = {}, key = adminKey) {
    const response = await fetch(new URL('graphql', url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    })
    return await response.json()
  }
  return {
    app,
    vault: new Vault(new KeyRing(keys)),
    log: () => lines.map(line => JSON.parse(line)),
    run,
    async ask(query: string, variables?: object) {
      const { data, errors } = await run(query, variables)
      expect(errors).toBeUndefined()
      return data
    },
    visits: (vault: Vault) => visitsOf(app, db, vault),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  }
}

type Started = Awaited<ReturnType<typeof start>>

function visitsOf({ services }: App, db: Db, vault: Vault): ConnectVisits {
  const { connections, integrations, connectSessions: sessions, logos, publicUrl } = services
  const fetch = () => Promise.reject(new TypeError('nothing is sent'))
  return new ConnectVisits({
    store: createConnectSessionStore(db),
    connections,
    integrations,
    sessions,
    vault,
    logos,
    publicUrl,
    fetch,
  })
}

const mintSession = 'mutation { createSession(input: {endUserId: "ann"}) { token } }'

/** One of each that is sealed, made by the code that makes it. */
async function sealEverything(gateway: Started, { db }: TestDatabase, upstream: { url: string }) {
  const { services, workspace } = gateway.app
  const auth = [{ scheme: 'bearer' }]
  await services.integrations.define(workspace.id, {
    slug: 'own',
    name: 'Own',
    categories: [],
    baseUrl: upstream.url,
    auth,
  })
  const connect = (endUserId: string) =>
    services.connections.create(workspace.id, {
      integration: 'own',
      endUserId,
      credential: { scheme: 'bearer', token: `token-of-${endUserId}` },
    })
  const kept = await connect('ann')
  const gone = await connect('bob')
  await createConnectionStore(db).remove(workspace.id, gone.id, 600_000)
  const oauthClient = { clientId: 'client', clientSecret: 'client-secret' }
  await services.integrations.configure(workspace.id, { slug: 'github', oauthClient })
  expect((await gateway.ask(callOnce, { id: kept.id })).passthrough).toEqual({ status: 200, body: { call: 1 } })
  const [maker] = (await services.accessKeys.list(workspace.id, { first: 1 })).edges
  const link = await services.connectSessions.create(workspace.id, maker?.node.id ?? '', {
    endUserId: 'cid',
    integrations: ['github'],
  })
  const token = new URL(link.url).pathname.split('/').at(-1) ?? ''
  const submission = { integration: 'github', scheme: 'oauth2', values: {} }
  const departed = await gateway.visits(gateway.vault).submit(token, 'browser', submission)
  const state = departed.kind === 'redirect' ? (new URL(departed.url).searchParams.get('state') ?? '') : ''
  const endpointId = newId('whe')
  const sealedSecret = gateway.vault.seal(webhookEndpointBinding(workspace.id, endpointId), 'whsec').envelope
  await db
    .insert(webhookEndpoints)
    .values({ workspaceId: workspace.id, id: endpointId, url: 'https://a.example', sealedSecret })
  const { createSession } = await gateway.ask(mintSession)
  return { workspaceId: workspace.id, kept: kept.id, gone: gone.id, state, endpointId, session: createSession.token }
}

async function waitForRotation(gateway: Started) {
  await gateway.app.services.encryptionKeys.settled()
  return (await gateway.ask(showRotation)).encryptionKeyRotation
}

describe.each(kinds)('rotateEncryptionKeys (%s)', kind => {
  test('moves every kind of secret, after which the new key alone opens all of them', { timeout: 60_000 }, async () => {
    let calls = 0
    await using upstream = await createUpstream((_request, response) => sendJson(response, { call: ++calls }))
    await using database = await createTestDatabase(kind)
    const sealed = await (async () => {
      await using gateway = await start(database, [a], upstream.host)
      return await sealEverything(gateway, database, upstream)
    })()
    const { workspaceId, kept, gone, state, endpointId, session } = sealed
    {
      await using gateway = await start(database, [b, a], upstream.host)
      const rows = sealedTables.length
      expect(gateway.log()).toContainEqual(expect.objectContaining({ level: 'info', keyId: 'a', rows }))
      expect((await gateway.ask(listKeys)).encryptionKeys).toEqual([
        { id: 'b', isPrimary: true, isInRing: true, rows: 0 },
        { id: 'a', isPrimary: false, isInRing: true, rows: rows },
      ])
      expect((await gateway.ask(showRotation)).encryptionKeyRotation).toBeNull()
      const both = await gateway.ask(
        `mutation { one: rotateEncryptionKeys { isRunning startedAt } two: rotateEncryptionKeys { isRunning startedAt } }`,
      )
      expect(both.one).toMatchObject({ isRunning: true })
      expect(both.two.startedAt).toBe(both.one.startedAt)
      expect(await waitForRotation(gateway)).toMatchObject({
        isRunning: false,
        finishedAt: expect.any(String),
        doneRows: rows,
        totalRows: rows,
        movedRows: rows,
        failedRows: 0,
        message: null,
      })
      expect((await gateway.ask(listKeys)).encryptionKeys).toMatchObject([
        { id: 'b', rows: rows },
        { id: 'a', rows: 0 },
      ])
      expect(gateway.log()).toContainEqual(
        expect.objectContaining({ msg: 'encryption keys rotated', moved: rows, left: 0 }),
      )
    }
    await using gateway = await start(database, [b], upstream.host)
    expect(gateway.log().filter(({ keyId }) => keyId !== undefined)).toEqual([])
    expect((await gateway.app.services.callers.authenticate(session)).endUserId).toBe('ann')
    const again = (await gateway.ask(mintSession)).createSession.token
    expect(decodeProtectedHeader(again).kid).toBe(decodeProtectedHeader(session).kid)
    const { db } = database
    const seal = new CredentialSeal(gateway.vault, createEvents(createLogger({ level: 'silent' })))
    const row = await createConnectionStore(db).get(workspaceId, kept)
    expect(row && seal.open(row)).toEqual({ scheme: 'bearer', token: 'token-of-ann' })
    const deletion = await createConnectionDeletionStore(db).get(workspaceId, gone)
    const sealedCredential = deletion?.sealedCredential ?? Buffer.alloc(0)
    expect(seal.open({ workspaceId, id: gone, sealedCredential })).toEqual({ scheme: 'bearer', token: 'token-of-bob' })
    const github = await gateway.app.services.integrations.get(workspaceId, 'github')
    expect(github && gateway.app.services.integrations.clientOf(github)).toMatchObject({
      clientSecret: 'client-secret',
    })
    expect((await gateway.ask(callOnce, { id: kept })).passthrough.body).toEqual({ call: 1 })
    // What was remembered is opened before the browser is compared.
    const back = gateway.visits(gateway.vault).finish('another', new URLSearchParams({ state, code: 'c' }))
    await expect(back).rejects.toThrow('another browser came back than the one that left')
    const webhook = { table: 'webhook_endpoints', workspaceId, key: [endpointId] } as const
    const secret = await createSealedRowStore(db).read(webhook)
    expect(gateway.vault.open(webhookEndpointBinding(workspaceId, endpointId), secret ?? Buffer.alloc(0))).toBe('whsec')
    expect(calls).toBe(1)
  })

  test('names the rows that cannot be opened, and a start without their key counts them', async () => {
    await using database = await createTestDatabase(kind)
    {
      await using gateway = await start(database, [a])
      const { services, workspace } = gateway.app
      const credential = { scheme: 'bearer', token: 't' } as const
      const auth = [{ scheme: 'bearer' }]
      await services.integrations.define(workspace.id, {
        slug: 'own',
        name: 'Own',
        categories: [],
        baseUrl: 'https://api.own.example',
        auth,
      })
      for (const endUserId of ['ann', 'bob']) {
        await services.connections.create(workspace.id, { integration: 'own', endUserId, credential })
      }
    }
    const rows = createSealedRowStore(database.db)
    const [place] = await rows.slice('connections', undefined, 1)
    if (place === undefined) throw new TypeError('there are two connections')
    const sealed = (await rows.read(place)) ?? Buffer.alloc(0)
    const damaged = Buffer.from(sealed)
    damaged[30] = (damaged[30] ?? 0) ^ 1
    await rows.replace(place, sealed, { envelope: damaged, keyId: 'a' })
    {
      await using gateway = await start(database, [b, a])
      await gateway.ask(rotate)
      expect(await waitForRotation(gateway)).toMatchObject({
        movedRows: 1,
        failedRows: 1,
        failures: [
          {
            table: 'connections',
            rowId: place.key[0],
            message: 'the sealed secret is damaged or was sealed for another row',
          },
        ],
      })
      const told = gateway.log().filter(({ level }) => level === 'error')
      expect(told).toMatchObject([{ table: 'connections', workspaceId: place.workspaceId, row: place.key[0] }])
    }
    await using gateway = await start(database, [b])
    const missing = { level: 'warn', keyId: 'a', rows: 1 }
    expect(gateway.log()).toContainEqual(expect.objectContaining(missing))
    expect((await gateway.ask(listKeys)).encryptionKeys).toEqual([
      { id: 'b', isPrimary: true, isInRing: true, rows: 1 },
      { id: 'a', isPrimary: false, isInRing: false, rows: 1 },
    ])
  })
})

describe('who may', () => {
  const refused = 'Encryption keys concern all workspaces: this needs an admin key of the default workspace.'

  test.each([listKeys, showRotation, rotate])('%s: the operator, no other admin, no other scope', async query => {
    await using database = await createTestDatabase('postgres')
    await using gateway = await start(database, [b, a])
    const id = newId('ws')
    await database.db.insert(workspaces).values({ id, name: 'other' })
    const stranger = await gateway.app.services.accessKeys.createFirstAdmin(id)
    expect(await gateway.run(query, {}, stranger)).toMatchObject({
      errors: [{ message: refused, extensions: { code: 'FORBIDDEN' } }],
    })
    const lesser = await gateway.ask(
      'mutation { createAccessKey(input: { name: "k", scopes: [KEYS_WRITE, INTEGRATIONS_WRITE, CONNECTIONS_WRITE] }) { secret } }',
    )
    expect(await gateway.run(query, {}, lesser.createAccessKey.secret)).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    })
    expect(gateway.app.services.encryptionKeys.rotation).toBeUndefined()
    expect((await gateway.run(query)).errors).toBeUndefined()
  })

  test('a gateway that stops takes its rotation along and leaves nothing half done', async () => {
    await using database = await createTestDatabase('postgres')
    const gateway = await start(database, [b, a])
    await gateway.ask(rotate)
    await gateway[Symbol.asyncDispose]()
    expect(gateway.app.services.encryptionKeys.rotation?.finishedAt).toBeInstanceOf(Date)
  })
})

/** Connect sessions and flights: each is used once, in its time. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createConnectSessionStore, type NewConnectSession } from '../../src/store/connect-sessions.ts'
import { newId } from '../../src/store/ids.ts'
import { createWorkspace, kinds, useDatabase } from './fixtures.ts'

const soon = () => new Date(Date.now() + 60_000)
const past = () => new Date(Date.now() - 60_000)

function sessionRow(workspaceId: string, values: Partial<NewConnectSession> = {}): NewConnectSession {
  return {
    workspaceId,
    id: newId('cs'),
    hash: randomBytes(32),
    endUserId: 'ann',
    integrations: ['acme'],
    connectionId: null,
    allowOtherAccount: false,
    returnUrl: null,
    metadata: {},
    callerId: 'key_1',
    expiresAt: soon(),
    ...values,
  }
}

describe.each(kinds)('a connect session (%s)', kind => {
  const database = useDatabase(kind)

  async function open() {
    return { store: createConnectSessionStore(database.db), workspaceId: await createWorkspace(database.db) }
  }

  test('is completed by one of many who try at once, and given back when that led to nothing', async () => {
    const { store, workspaceId } = await open()
    const { id, hash } = await store.insert(sessionRow(workspaceId))
    const won = await Promise.all(Array.from({ length: 5 }, () => store.complete(workspaceId, id)))
    expect(won.filter(Boolean)).toHaveLength(1)
    await store.settle(workspaceId, id, null)
    expect(await store.complete(workspaceId, id)).toBe(true)
    const connectionId = newId('conn')
    await store.settle(workspaceId, id, connectionId)
    expect(await store.findByHash(hash)).toMatchObject({ resultId: connectionId, completedAt: expect.any(Date) })
  })

  test('is not completed when it is over, or by another workspace', async () => {
    const { store, workspaceId } = await open()
    const over = await store.insert(sessionRow(workspaceId, { expiresAt: past() }))
    const good = await store.insert(sessionRow(workspaceId))
    expect(await store.complete(workspaceId, over.id)).toBe(false)
    expect(await store.complete(await createWorkspace(database.db), good.id)).toBe(false)
    expect(await store.get(await createWorkspace(database.db), good.id)).toBeUndefined()
  })

  test('has flights that are taken once and in time', async () => {
    const { store, workspaceId } = await open()
    const flight = (expiresAt: Date) => ({
      stateHash: randomBytes(32),
      workspaceId,
      sessionId: newId('cs'),
      integration: 'acme',
      scheme: 'oauth2',
      config: { region: 'eu1' },
      browserHash: randomBytes(32),
      sealedMemory: randomBytes(8),
      redirectUri: 'https://gate.example/oauth/callback',
      expiresAt,
    })
    const good = flight(soon())
    const over = flight(past())
    await store.insertFlight(good)
    await store.insertFlight(over)
    const taken = await Promise.all(Array.from({ length: 4 }, () => store.takeFlight(good.stateHash)))
    expect(taken.filter(row => row !== undefined)).toEqual([good])
    expect(await store.takeFlight(over.stateHash)).toBeUndefined()
  })

  test('is swept away a day after its end, with the flights that never came back', async () => {
    const { store, workspaceId } = await open()
    const old = await store.insert(sessionRow(workspaceId, { expiresAt: new Date(Date.now() - 2 * 86_400_000) }))
    const recent = await store.insert(sessionRow(workspaceId, { expiresAt: past() }))
    while ((await store.deleteExpired(100)) > 0);
    expect(await store.get(workspaceId, old.id)).toBeUndefined()
    expect(await store.get(workspaceId, recent.id)).toBeDefined()
  })
})

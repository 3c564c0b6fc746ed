/** Attacks: a webhook is no way to reach what is not public, and nothing leads it there. */
import type { LookupFunction } from 'node:net'
import { eq } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/store/ids.ts'
import { webhookDeliveries, webhookEndpoints } from '../../src/store/tables.ts'
import { writeSecrets } from '../../src/webhooks/signature.ts'
import { createWorkspace, refusalOf } from '../store/fixtures.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createUpstream } from '../support/upstream.ts'
import { createDispatcher, createEndpoints, happen, seal } from './fixtures.ts'

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

describe('a webhook endpoint', () => {
  test.each([
    'http://hooks.example/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://10.1.2.3:8443/hook',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://100.64.0.1/',
    'https://user:pass@hooks.example/',
    'https://hooks.example/#fragment',
    'ftp://hooks.example/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    '//hooks.example/',
    'hooks.example',
    '',
    `https://hooks.example/${'a'.repeat(2048)}`,
  ])('is not made for %s', async url => {
    await using database = await createTestDatabase('postgres')
    const workspaceId = await createWorkspace(database.db)
    const endpoints = createEndpoints(database.db)
    const refusal = await refusalOf(endpoints.create(workspaceId, { url }))
    expect(refusal).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'url' }] })
    const { endpoint } = await endpoints.create(workspaceId, { url: 'https://hooks.example/' })
    expect(await refusalOf(endpoints.update(workspaceId, endpoint.id, { url }))).toMatchObject({
      code: 'INVALID_INPUT',
    })
    expect(await endpoints.get(workspaceId, endpoint.id)).toMatchObject({ url: 'https://hooks.example/' })
  })
})

describe('a delivery', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase('postgres')
  })
  afterEach(() => database.db.delete(webhookEndpoints))
  afterAll(() => database[Symbol.asyncDispose]())

  /** As if it had been stored when the rules were others, or its name had led elsewhere then. */
  async function store(workspaceId: string, url: string) {
    const id = newId('whe')
    const sealedSecret = seal.seal({ workspaceId, id }, writeSecrets({ current: secret }))
    await database.db.insert(webhookEndpoints).values({ workspaceId, id, url, sealedSecret })
    await happen(database.db, workspaceId)
  }

  async function outcomeOf(workspaceId: string) {
    const [row] = await database.db
      .select()
      .from(webhookDeliveries)
      .where(eq(webhookDeliveries.workspaceId, workspaceId))
    return row
  }

  test('goes to no private address, whatever is stored', async () => {
    await using target = await createUpstream()
    for (const url of [target.url, target.url.replace('http:', 'https:')]) {
      const workspaceId = await createWorkspace(database.db)
      await store(workspaceId, url)
      await using parts = createDispatcher(database.db, { allow: '' })
      await parts.dispatcher.run()
      expect(await outcomeOf(workspaceId)).toMatchObject({
        status: 'PENDING',
        lastStatus: null,
        lastError: expect.stringMatching(/^DESTINATION_NOT_ALLOWED: /),
      })
    }
    expect(target.seen).toEqual([])
  })

  test('goes to no name that leads to a private address', async () => {
    await using target = await createUpstream()
    const port = new URL(target.url).port
    const workspaceId = await createWorkspace(database.db)
    await store(workspaceId, `https://rebound.example:${port}/`)
    const lookup: LookupFunction = (_name, options, callback) =>
      options.all === true ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4)
    await using parts = createDispatcher(database.db, { allow: '', lookup })
    await parts.dispatcher.run()
    expect(await outcomeOf(workspaceId)).toMatchObject({
      status: 'PENDING',
      lastError: expect.stringMatching(/^DESTINATION_NOT_ALLOWED: /),
    })
    expect(target.seen).toEqual([])
  })

  test.each([301, 302, 303, 307, 308])('follows no redirect (%d)', async status => {
    await using target = await createUpstream()
    await using hop = await createUpstream((_request, response) => {
      response.writeHead(status, { location: target.url }).end()
    })
    const workspaceId = await createWorkspace(database.db)
    await store(workspaceId, hop.url)
    await using parts = createDispatcher(database.db, { allow: '127.0.0.0/8' })
    await parts.dispatcher.run()
    expect(hop.seen).toHaveLength(1)
    expect(target.seen).toEqual([])
    expect(await outcomeOf(workspaceId)).toMatchObject({
      status: 'PENDING',
      lastStatus: status,
      lastError: `The endpoint answered ${status}.`,
    })
  })

  test('keeps nothing of an answer but its status, and nothing secret of a failure', async () => {
    await using target = await createUpstream((_request, response) => {
      response.writeHead(500, { 'x-canary': 'canary-header' }).end('canary-body')
    })
    const workspaceId = await createWorkspace(database.db)
    await store(workspaceId, `${target.url}/?token=canary-in-the-query`)
    await using parts = createDispatcher(database.db, {})
    await parts.dispatcher.run()
    const { payload: _, ...row } = (await outcomeOf(workspaceId)) ?? { payload: '' }
    expect(row).toMatchObject({ lastStatus: 500 })
    expect(JSON.stringify(row)).not.toMatch(/canary|whsec_/)
  })
})

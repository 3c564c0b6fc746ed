/** A write runs once per idempotency key: repeats get its answer, or are told why not. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  checkIdempotencyKey,
  hashRequest,
  IdempotencyKeys,
  type Once,
  type StoredAnswer,
} from '../../src/calls/idempotency.ts'
import { GatewayError } from '../../src/errors.ts'
import { createConnectionStore } from '../../src/store/connections.ts'
import type { Database } from '../../src/store/database.ts'
import { createIdempotencyStore } from '../../src/store/idempotency.ts'
import { connectionRow, createWorkspace } from '../store/fixtures.ts'
import { createTestDatabase } from '../support/database.ts'

describe.each(['postgres', 'embedded'] as const)('idempotency keys (%s)', driver => {
  let database: Database
  let workspaceId: string
  let connectionId: string

  beforeAll(async () => {
    database = await createTestDatabase(driver)
    workspaceId = await createWorkspace(database.db)
    connectionId = await createConnection(workspaceId)
  })
  afterAll(() => database[Symbol.asyncDispose]())

  async function createConnection(ws: string): Promise<string> {
    return (await createConnectionStore(database.db).insert(connectionRow(ws))).id
  }

  function open() {
    const failures: unknown[] = []
    const keys = new IdempotencyKeys({
      store: createIdempotencyStore(database.db),
      // Bound to its place, as the vault binds.
      seal: {
        seal: (place, text) => Buffer.from(JSON.stringify([place.key, place.connectionId, text])),
        open(place, sealed) {
          const [key, id, text] = JSON.parse(sealed.toString())
          if (key !== place.key || id !== place.connectionId) throw new Error('sealed for another place')
          return text
        },
      },
      onFailure: error => failures.push(error),
    })
    return { keys, failures }
  }

  const answer = (text: string, status = 201): StoredAnswer => ({
    status,
    headers: [{ name: 'X-A', value: '1' }],
    bytes: Buffer.from(text),
  })
  let serial = 0
  const once = (changes: Partial<Once<StoredAnswer>> = {}): Once<StoredAnswer> => ({
    workspaceId,
    connectionId,
    key: `key-${++serial}`,
    requestHash: hashRequest(['POST', '/x']),
    deadlineMs: Date.now() + 10_000,
    send: async () => answer('first'),
    keep: result => result,
    replay: stored => stored,
    ...changes,
  })
  /** A first one that holds the key until it is told how it ends. */
  async function hold(one: Once<StoredAnswer>) {
    const { promise, resolve, reject } = Promise.withResolvers<StoredAnswer>()
    const send = vi.fn(() => promise)
    const running = open().keys.run({ ...one, send })
    await vi.waitFor(() => expect(send).toHaveBeenCalled(), 10_000)
    return { running, resolve, reject }
  }
  const codeOf = async (call: Promise<unknown>) => {
    const error = await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    return error instanceof GatewayError ? `${error.code}: ${error.message}` : String(error)
  }

  test('the same request is answered as before, byte for byte, and sent once', async () => {
    const { keys } = open()
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const send = vi.fn(async () => ({ ...answer(''), bytes }))
    const one = once({ send })
    const first = await keys.run(one)
    expect(await keys.run(one)).toEqual(first)
    expect(await open().keys.run(one)).toEqual(first)
    expect(send).toHaveBeenCalledTimes(1)
  })

  test('another request under the same key is a conflict, while it runs and after', async () => {
    const { keys } = open()
    const one = once()
    const other = { ...one, requestHash: hashRequest(['POST', '/y']) }
    const { running, resolve } = await hold(one)
    expect(await codeOf(keys.run(other))).toMatch(/^IDEMPOTENCY_CONFLICT: .*another request/)
    resolve(answer('done'))
    await running
    expect(await codeOf(keys.run(other))).toMatch(/^IDEMPOTENCY_CONFLICT: .*another request/)
  })

  test('fifty at once over two replicas: sent once, answered fifty times', async () => {
    const replicas = [open().keys, open().keys]
    const send = vi.fn(async () => {
      await new Promise(resolve => setTimeout(resolve, 50))
      return answer('only')
    })
    const one = once({ send })
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => replicas[index % 2]?.run({ ...one, send })),
    )
    expect(send).toHaveBeenCalledTimes(1)
    expect(new Set(answers.map(given => given?.bytes.toString()))).toEqual(new Set(['only']))
  })

  test('who waits longer than its deadline is told that it is still under way', async () => {
    const one = once()
    const { running, resolve } = await hold(one)
    const waiting = open().keys.run({ ...one, deadlineMs: Date.now() + 300 })
    await expect(waiting).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      message: expect.stringContaining('still under way'),
      retryAfterMs: 1000,
    })
    resolve(answer('x'))
    await running
  })

  test('who waits sends it, when the first lets the key go', async () => {
    const one = once()
    const { running, reject } = await hold(one)
    const waiting = open().keys.run({ ...one, send: async () => answer('second') })
    reject(new Error('broke off'))
    await expect(running).rejects.toThrow('broke off')
    expect((await waiting).bytes.toString()).toBe('second')
  })

  test('who leaves while it waits sends nothing, though the key comes free, and does not hold it', async () => {
    const one = once()
    const { running, reject } = await hold(one)
    const caller = new AbortController()
    const send = vi.fn(one.send)
    const waiting = open().keys.run({ ...one, send, signal: caller.signal })
    const left = new Error('the caller left')
    caller.abort(left)
    reject(new Error('broke off'))
    expect(await Promise.allSettled([running, waiting])).toMatchObject([
      { reason: { message: 'broke off' } },
      { reason: left },
    ])
    expect(send).not.toHaveBeenCalled()
    expect((await open().keys.run({ ...one, send: async () => answer('next') })).bytes.toString()).toBe('next')
  })

  test.each([
    ['fails', async () => Promise.reject(new Error('no answer'))],
    ['is answered with what may pass', async () => answer('later', 503)],
  ] as const)('a call that %s lets the key go', async (_what, send) => {
    const { keys } = open()
    const one = once({ keep: result => (result.status === 503 ? undefined : result) })
    await keys.run({ ...one, send: send as () => Promise<StoredAnswer> }).catch(() => {})
    expect((await keys.run({ ...one, send: async () => answer('now') })).bytes.toString()).toBe('now')
  })

  test('a process that died gives the key up with its lease, and can no longer end it', async () => {
    const one = once()
    const store = createIdempotencyStore(database.db)
    await store.claim({ ...one, owner: 'dead', leaseMs: -1000, keepMs: 60_000 })
    expect((await open().keys.run({ ...one, send: async () => answer('second') })).bytes.toString()).toBe('second')
    expect(await store.finish(one, 'dead', { status: 200, sealedAnswer: null })).toBe(false)
    expect(await store.renew(one, 'dead', 1000)).toBe(false)
    await store.release(one, 'dead')
    expect((await open().keys.run(one)).bytes.toString()).toBe('second')
  })

  test('another connection and another workspace have keys of their own', async () => {
    const { keys } = open()
    const one = once()
    await keys.run(one)
    const otherConnection = await createConnection(workspaceId)
    const otherWorkspace = await createWorkspace(database.db)
    const theirs = await createConnection(otherWorkspace)
    const send = async () => answer('theirs')
    for (const place of [{ connectionId: otherConnection }, { workspaceId: otherWorkspace, connectionId: theirs }]) {
      expect((await keys.run({ ...one, ...place, send })).bytes.toString()).toBe('theirs')
    }
  })

  test('an answer that is too long, or sealed under a key that is gone, is a conflict that says so', async () => {
    const { keys } = open()
    const long = once({ send: async () => ({ ...answer(''), bytes: Buffer.alloc(10 * 1024 * 1024 + 1) }) })
    await keys.run(long)
    expect(await codeOf(keys.run(long))).toBe(
      'IDEMPOTENCY_CONFLICT: The idempotency key was executed with status 201; its answer was too long to keep.',
    )
    const store = createIdempotencyStore(database.db)
    const gone = once()
    await store.claim({ ...gone, owner: 'me', leaseMs: 1000, keepMs: 60_000 })
    await store.finish(gone, 'me', { status: 200, sealedAnswer: Buffer.from('["other","place",""]') })
    expect(await codeOf(keys.run(gone))).toMatch(/was executed with status 200; its answer can no longer be read/)
  })

  test('goes with its connection, and after its day', async () => {
    const { keys } = open()
    const store = createIdempotencyStore(database.db)
    const id = await createConnection(workspaceId)
    const one = once({ connectionId: id })
    await keys.run(one)
    expect(await store.get(one)).toBeDefined()
    await createConnectionStore(database.db).remove(workspaceId, id, 1000)
    expect(await store.get(one)).toBeUndefined()
    const old = once()
    await store.claim({ ...old, owner: 'me', leaseMs: -1, keepMs: -1 })
    await store.finish(old, 'me', { status: 200, sealedAnswer: null })
    expect(await store.deleteExpired(1000)).toBeGreaterThanOrEqual(1)
    expect(await store.get(old)).toBeUndefined()
  })

  test('an answer whose connection was deleted meanwhile is given all the same, and is no failure', async () => {
    const { keys, failures } = open()
    const one = once({
      send: async () => {
        await createConnectionStore(database.db).remove(workspaceId, doomed, 1000)
        return answer('made')
      },
    })
    const doomed = await createConnection(workspaceId)
    expect((await keys.run({ ...one, connectionId: doomed })).bytes.toString()).toBe('made')
    expect(failures).toEqual([])
  })
})

test.each(['', 'a b', 'ü', 'x'.repeat(256), 'a\n', '\x1b[2J', '\x7f'])('%j is no key', async key => {
  const keys = new IdempotencyKeys({ store: {} as never, seal: {} as never, onFailure: () => {} })
  const refused = await keys.run({ key } as never).catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'INVALID_INPUT', details: [{ field: 'options.idempotencyKey' }] })
  expect((refused as Error).message).toMatch(/^[\x20-\x7e]+$/)
})

test.each(['!', '~', 'x'.repeat(255)])('%j is a key', key => expect(() => checkIdempotencyKey(key)).not.toThrow())

test('parts do not run into each other', () => {
  const hashes = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], ['', 'abc'], ['2:ab', 'c'], ['ab1:c'], []].map(
    parts => hashRequest(parts).toString('hex'),
  )
  expect(new Set(hashes).size).toBe(hashes.length)
  expect(hashRequest(['é']).equals(hashRequest([Buffer.from('é')]))).toBe(true)
  expect(hashRequest(['é']).length).toBe(32)
})

/** A channel of PostgreSQL is heard for as long as it is listened to, whenever its connection breaks. */
import { connect, createServer, type Socket } from 'node:net'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let directory: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase('postgres')
  directory = await createTestDatabase('embedded')
})
afterAll(async () => {
  await directory[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

/** As PostgreSQL says it when it shuts down: FATAL, 57P01. */
const shutdownNotice = Buffer.from('E\0\0\0\x32SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0', 'latin1')

/** A way to the server that ends a connection while it begins to listen, as often as it is told to. */
async function openWay(url: string) {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const way = { cuts: 0, begun: 0 }
  const server = createServer(near => {
    const far = connect(Number(port), hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        near.destroy()
        far.destroy()
      })
    }
    far.pipe(near)
    near.on('data', bytes => {
      const begins = bytes.includes('listen ')
      if (begins) way.begun += 1
      if (begins && way.cuts > 0) {
        way.cuts -= 1
        near.end(shutdownNotice)
      } else far.write(bytes)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const breakAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  const own = new URL(url)
  own.port = String((server.address() as { port: number }).port)
  return {
    way,
    url: own.href,
    breakAll,
    [Symbol.asyncDispose]: async () => {
      breakAll()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

async function openThrough(url: string): Promise<Database> {
  return await openDatabase({ url, dataDir: `${directory.dataDir}/replica` })
}

test('a connection that is ended while it listens again is followed by one that hears', async () => {
  await using parts = await openWay(database.url ?? '')
  await using own = await openThrough(parts.url)
  const heard: string[] = []
  let times = 0
  await using _ = await own.listen('some_channel', {
    onMessage: text => heard.push(text),
    onListening: () => {
      times += 1
    },
  })
  const say = (text: string) => database.db.execute(sql`select pg_notify('some_channel', ${text})`)
  await say('before')
  await expect.poll(() => heard).toEqual(['before'])
  for (const cuts of [1, 2, 3]) {
    parts.way.cuts = cuts
    parts.breakAll()
    await expect.poll(() => times).toBe(cuts + 1)
    await say(`after ${cuts}`)
    await expect.poll(() => heard.at(-1)).toBe(`after ${cuts}`)
  }
  expect(parts.way).toEqual({ cuts: 0, begun: 1 + 3 + 1 + 2 + 3 })
})

test('what cannot be listened to at first is said, and what is no longer listened to leaves no connection', async () => {
  await using parts = await openWay(database.url ?? '')
  await using own = await openThrough(parts.url)
  const silent = { onMessage: () => {}, onListening: () => {} }
  parts.way.cuts = 1
  await expect(own.listen('some_channel', silent)).rejects.toMatchObject({
    name: 'StoreError',
    code: 'CONNECTION_CLOSED',
  })
  const listening = await own.listen('some_channel', silent)
  const connections = () => database.db.$count(sql`pg_stat_activity`, sql`query like 'listen "some_channel"%'`)
  expect(await connections()).toBe(1)
  await listening[Symbol.asyncDispose]()
  await expect.poll(connections).toBe(0)
})

/** A process that is killed while it sends loses nothing: another one sends the same message again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { webhookDeliveries } from '../../src/store/tables.ts'
import { createWorkspace } from '../store/fixtures.ts'
import { createTestDatabase } from '../support/database.ts'
import { createUpstream } from '../support/upstream.ts'
import { createDispatcher, createEndpoints, happen } from './fixtures.ts'

const hour = 3_600_000

test('kill -9 in the middle of a delivery: it arrives later, under the same id', async () => {
  await using database = await createTestDatabase('postgres')
  await using spare = await createTestDatabase('embedded')
  const { db } = database
  const { promise: isSent, resolve: noteSent } = Promise.withResolvers<void>()
  // The first request is never answered.
  await using receiver = await createUpstream((_request, response) => {
    if (receiver.seen.length > 1) response.writeHead(204).end()
    else noteSent()
  })
  const workspaceId = await createWorkspace(db)
  await createEndpoints(db, '127.0.0.0/8').create(workspaceId, { url: receiver.url })
  await happen(db, workspaceId)
  const script = join(import.meta.dirname, 'sender.ts')
  const node = join(import.meta.dirname, '../../node_modules/.bin/node')
  const child = spawn(node, [script, database.url ?? '', join(spare.dataDir, 'sender')], { stdio: 'inherit' })
  const exited = once(child, 'exit')
  try {
    await Promise.race([isSent, exited])
  } finally {
    child.kill('SIGKILL')
  }
  expect(await exited).toEqual([null, 'SIGKILL'])
  await using parts = createDispatcher(db)
  await parts.dispatcher.run()
  expect(receiver.seen).toHaveLength(1)
  await parts.pass(hour)
  await parts.dispatcher.run()
  const ids = receiver.seen.map(({ headers }) => headers['webhook-id'])
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(1)
  expect(await db.select().from(webhookDeliveries)).toMatchObject([{ status: 'DELIVERED', attempts: 2 }])
})

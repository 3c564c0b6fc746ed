/** Events and endpoints for the tests of events, and what a listener heard. */
import { appendEvent, type NewConnectionEvent } from '../../src/store/connection-events.ts'
import type { Db } from '../../src/store/database.ts'
import { newId } from '../../src/store/ids.ts'
import { webhookEndpoints } from '../../src/store/tables.ts'

export function eventOf(workspaceId: string, values: Partial<NewConnectionEvent> = {}): NewConnectionEvent {
  const connectionId = values.connectionId ?? newId('conn')
  const data = {
    id: connectionId,
    integration: 'acme',
    endUserId: 'user-1',
    status: 'ACTIVE',
    reason: null,
    account: null,
  }
  return { workspaceId, type: 'connection.updated', connectionId, data, ...values }
}

/** Appends events one after the other. @returns their connections, by which they are told apart */
export async function appendSome(db: Db, workspaceId: string, count: number): Promise<string[]> {
  const events = Array.from({ length: count }, () => eventOf(workspaceId))
  for (const event of events) await db.transaction(tx => appendEvent(tx, event))
  return events.map(({ connectionId }) => connectionId)
}

export async function insertEndpoint(
  db: Db,
  workspaceId: string,
  values: Partial<typeof webhookEndpoints.$inferInsert> = {},
): Promise<string> {
  const id = newId('whe')
  const url = 'https://hooks.example/passgate'
  await db.insert(webhookEndpoints).values({ workspaceId, id, url, sealedSecret: Buffer.from([1]), ...values })
  return id
}

/** The connections of the next events of a stream. */
export async function takeConnections(
  stream: AsyncIterator<{ readonly connectionId: string }>,
  count: number,
): Promise<string[]> {
  const taken: string[] = []
  while (taken.length < count) {
    const { done, value } = await stream.next()
    if (done === true) throw new Error(`the stream ended after ${taken.length} events`)
    taken.push(value.connectionId)
  }
  return taken
}

/** Webhooks on a database of their own: endpoints, a dispatcher on the guarded way out, and a hand on the clock. */
import { sql } from 'drizzle-orm'
import { HostAllowlist } from '../../src/hosts.ts'
import { createLimits } from '../../src/limits/limits.ts'
import { createMemoryStore } from '../../src/limits/store.ts'
import { refuseDestination } from '../../src/passthrough/egress.ts'
import { createPassthrough, type PassthroughParts } from '../../src/passthrough/passthrough.ts'
import { appendEvent } from '../../src/store/connection-events.ts'
import type { Db } from '../../src/store/database.ts'
import { createWebhookQueue } from '../../src/store/webhook-queue.ts'
import { createWebhookStore } from '../../src/store/webhooks.ts'
import { type DispatcherOptions, WebhookDispatcher } from '../../src/webhooks/dispatcher.ts'
import { WebhookEndpoints } from '../../src/webhooks/endpoints.ts'
import { createWebhookPost } from '../../src/webhooks/post.ts'
import { eventOf } from '../store/event-fixtures.ts'

/** Sealed so that a test can see through it; the place is part of it, as of the real one. */
export const seal = {
  seal: ({ workspaceId, id }: { workspaceId: string; id: string }, text: string) =>
    Buffer.from(`${workspaceId} ${id} ${text}`),
  open({ workspaceId, id }: { workspaceId: string; id: string }, sealed: Buffer) {
    const start = `${workspaceId} ${id} `
    if (!sealed.toString().startsWith(start)) throw new Error('sealed for another place')
    return sealed.toString().slice(start.length)
  },
}

export function createEndpoints(db: Db, allow = ''): WebhookEndpoints {
  const list = HostAllowlist.parse(allow)
  return new WebhookEndpoints({
    store: createWebhookStore(db),
    seal,
    refuse: url => refuseDestination(url, [url.host], list),
  })
}

export interface TestDispatcher extends AsyncDisposable {
  readonly dispatcher: WebhookDispatcher
  readonly failures: unknown[]
  readonly disabled: { readonly id: string; readonly reason: string }[]
  /** Lets time pass for the database and for the dispatcher. */
  pass(ms: number): Promise<void>
}

const never = 3_600_000

/** Nothing is sent but by `run`. */
export function createDispatcher(
  db: Db,
  options: Partial<DispatcherOptions> & Partial<Pick<PassthroughParts, 'lookup'>> & { allow?: string } = {},
): TestDispatcher {
  const { allow = '127.0.0.0/8', lookup, ...given } = options
  const limits = createLimits({ store: createMemoryStore() })
  const passthrough = createPassthrough({ allow: HostAllowlist.parse(allow), limits, ...(lookup && { lookup }) })
  const failures: unknown[] = []
  const disabled: { id: string; reason: string }[] = []
  let nowMs = 0
  const dispatcher = new WebhookDispatcher({
    queue: createWebhookQueue(db),
    post: createWebhookPost((url, request) => passthrough.fetch(url, request)),
    open: seal.open,
    onDisabled: ({ id }, reason) => disabled.push({ id, reason }),
    onFailure: error => failures.push(error),
    everyMs: never,
    random: () => 0.5,
    now: () => nowMs,
    ...given,
  })
  return {
    dispatcher,
    failures,
    disabled,
    async pass(ms) {
      nowMs += ms
      const earlier = (column: string) => sql.raw(`${column} = ${column} - ${ms} * interval '1 millisecond'`)
      await db.execute(sql`update webhook_deliveries set ${earlier('next_attempt_at')}, ${earlier('created_at')}`)
      await db.execute(sql`update webhook_endpoints set ${earlier('failing_since')}`)
    },
    async [Symbol.asyncDispose]() {
      await dispatcher[Symbol.asyncDispose]()
      await passthrough[Symbol.asyncDispose]()
      await limits[Symbol.asyncDispose]()
    },
  }
}

/** Something happens to a connection, a number of times. */
export async function happen(db: Db, workspaceId: string, count = 1): Promise<void> {
  for (let n = 0; n < count; n++) await db.transaction(tx => appendEvent(tx, eventOf(workspaceId)))
}

/** Hears a channel of a PostgreSQL server, on a connection of its own that is made anew whenever it breaks. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Options, Sql } from 'postgres'
import type { Listener } from './database.ts'
import { settle } from './failure.ts'

/** What the driver takes beyond the options that it declares: who is told of notices. */
type HearingOptions = Options<Record<string, never>> & {
  readonly onnotify: (channel: string, text: string) => void
}

const listenTimeoutMs = 15_000
const shortestPauseMs = 50
const longestPauseMs = 5_000

/**
 * The driver's own `listen` is not used: when a connection breaks while it listens again, it stays deaf for ever.
 * @param channel a plain identifier
 * @throws StoreError when the channel cannot be heard to begin with
 */
export async function listenTo(
  connect: (options: HearingOptions) => Sql,
  channel: string,
  { onMessage, onListening }: Listener,
): Promise<AsyncDisposable> {
  const over = Promise.withResolvers<void>()
  let isOver = false
  let hearing = await hear()
  onListening()
  const kept = keepHearing()
  return {
    async [Symbol.asyncDispose]() {
      isOver = true
      over.resolve()
      await kept
    },
  }

  async function hear() {
    const broken = Promise.withResolvers<void>()
    const onnotify = (_: string, text: string) => onMessage(text)
    const client = connect({ max: 1, max_lifetime: null, onclose: () => broken.resolve(), onnotify })
    const end = () => client.end({ timeout: 0 })
    try {
      await settle(Promise.race([client.unsafe(`listen "${channel}"`), over.promise]), listenTimeoutMs)
    } catch (error) {
      await end()
      throw error
    }
    return { broken: broken.promise, end }
  }

  async function keepHearing(): Promise<void> {
    while (!isOver) {
      await Promise.race([hearing.broken, over.promise])
      await hearing.end()
      await hearAgain()
    }
    await hearing.end()
  }

  async function hearAgain(): Promise<void> {
    for (let pauseMs = shortestPauseMs; !isOver; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        hearing = await hear()
        if (!isOver) onListening()
        return
      } catch {
        await Promise.race([delay(pauseMs * (0.5 + Math.random() / 2), undefined, { ref: false }), over.promise])
      }
    }
  }
}

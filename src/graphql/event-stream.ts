/** A stream of events for one caller: it lasts as long as the caller may listen, and its end says why it ended. */
import { GatewayError } from '../errors.ts'

/** What is listened to. */
export interface EventSource<Event> extends AsyncIterator<Event> {
  return(): Promise<IteratorResult<Event>>
  /** Ends it with an error, which is the next thing that is read. */
  fail(failure: GatewayError): void
}

const checkEveryMs = 2_000

/**
 * The last item may be the error that ended it: thrown, it would break the connection instead of being told.
 * @param check rejects with a GatewayError when the caller may no longer listen
 */
export function watchStream<Event>(
  source: EventSource<Event>,
  check: () => Promise<void>,
  everyMs: number = checkEveryMs,
): AsyncIterableIterator<Event | GatewayError> {
  const timer = setInterval(() => {
    check().catch((error: unknown) => {
      // What is no refusal says nothing of the caller: the store may be away for a moment.
      if (error instanceof GatewayError) source.fail(error)
    })
  }, everyMs)
  timer.unref()
  const over = { done: true, value: undefined } as const
  return {
    async next() {
      try {
        const item = await source.next()
        if (item.done === true) clearInterval(timer)
        return item
      } catch (error) {
        clearInterval(timer)
        if (!(error instanceof GatewayError)) throw error
        return { done: false, value: error }
      }
    },
    async return() {
      clearInterval(timer)
      await source.return()
      return over
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** A stream of events for one caller: it lasts as long as the caller may listen, and its end says why it ended. */
import { GatewayError } from '../errors.ts'

/** What is listened to. */
export interface EventSource<Event> extends AsyncIterator<Event> {
  return(): Promise<IteratorResult<Event>>
  /** Ends it with an error, which is the next thing that is read. */
  fail(failure: GatewayError): void
}

/** With what a look-up may be out of date, an end elsewhere is noticed here within a second. */
const checkEveryMs = 500

/**
 * The caller is proved before each event, because an event may send calls, and in between, so that a silent stream ends
 * too. The last item may be the error that ended it: thrown, it would break the connection instead of being told.
 * @param check rejects with a GatewayError when the caller may no longer listen
 */
export function watchStream<Event>(
  source: EventSource<Event>,
  check: () => Promise<void>,
  everyMs: number = checkEveryMs,
): AsyncIterableIterator<Event | GatewayError> {
  let isChecking = false
  async function checkInBetween(): Promise<void> {
    if (isChecking) return
    isChecking = true
    try {
      await check()
    } catch (error) {
      // What is no refusal says nothing of the caller: the store may be away for a moment.
      if (error instanceof GatewayError) source.fail(error)
    } finally {
      isChecking = false
    }
  }
  const timer = setInterval(() => void checkInBetween(), everyMs)
  timer.unref()
  const over = { done: true, value: undefined } as const
  return {
    async next() {
      try {
        const item = await source.next()
        if (item.done === true) clearInterval(timer)
        else await check().catch(refuseUnproved)
        return item
      } catch (error) {
        clearInterval(timer)
        if (!(error instanceof GatewayError)) throw error
        await source.return()
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

/** Who cannot be proved gets no event either. */
function refuseUnproved(error: unknown): never {
  if (error instanceof GatewayError) throw error
  throw new GatewayError('OVERLOADED', 'Whether you may still listen could not be looked up; listen again.')
}

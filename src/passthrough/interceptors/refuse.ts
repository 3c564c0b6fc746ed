/** How an interceptor says no: through the handler, as undici reports its own failures. */
import type { Dispatcher } from 'undici'

/** Ends a request that has no connection yet. An interceptor returns what this returns. */
export function refuse(handler: Dispatcher.DispatchHandler, error: unknown): true {
  handler.onResponseError?.(
    nothingToControl,
    error instanceof Error ? error : new TypeError('refused without an error'),
  )
  return true
}

const nothingToControl: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  abort() {},
  pause() {},
  resume() {},
}

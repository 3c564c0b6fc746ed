/** Bounds what one origin may hold: a connection slot per request, a bounded queue for them, and a breaker while it is away. */
import type { Dispatcher } from 'undici'
import { type Call, callOf } from '../call.ts'
import type { Origins, Slot } from '../origins.ts'
import { ForwardingHandler } from './forwarding-handler.ts'
import { refuse } from './refuse.ts'

type Controller = Dispatcher.DispatchController

export function createLoad(origins: Origins): Dispatcher.DispatcherComposeInterceptor {
  return dispatch =>
    function boundLoad(options, handler) {
      const call = callOf(options)
      const { workspaceId, id } = call.plan.connection
      const take = { workspaceId, origin: String(options.origin), group: id, signal: () => call.signal }
      try {
        const slot = origins.take(take)
        if (!(slot instanceof Promise)) return dispatchInSlot(dispatch, options, handler, call, slot)
        slot.then(
          taken => dispatchInSlot(dispatch, options, handler, call, taken),
          error => refuse(handler, error),
        )
        return true
      } catch (error) {
        return refuse(handler, error)
      }
    }
}

function dispatchInSlot(
  dispatch: Dispatcher.Dispatch,
  options: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
  call: Call,
  slot: Slot,
): boolean {
  const holder = new SlotHandler(handler, slot)
  if (call.failure !== undefined) {
    holder.release()
    // Whoever waits outside gives back what it holds, too.
    return refuse(handler, call.failure)
  }
  try {
    return dispatch(options, holder)
  } catch (error) {
    holder.release()
    return refuse(handler, error)
  }
}

/** Gives the slot back when the request is over, and says whether the origin could be reached. */
class SlotHandler extends ForwardingHandler {
  #slot: Slot | undefined
  #isConnected = false

  constructor(inner: Dispatcher.DispatchHandler, slot: Slot) {
    super(inner)
    this.#slot = slot
  }

  override onRequestStart(controller: Controller, context: unknown): void {
    this.#isConnected = true
    this.#slot?.reached()
    super.onRequestStart(controller, context)
  }

  override onResponseEnd(controller: Controller, trailers: Record<string, string | string[]>): void {
    this.release()
    super.onResponseEnd(controller, trailers)
  }

  override onResponseError(controller: Controller, error: Error): void {
    if (!this.#isConnected) this.#slot?.unreachable(error)
    this.release()
    super.onResponseError(controller, error)
  }

  release(): void {
    const slot = this.#slot
    this.#slot = undefined
    slot?.release()
  }
}
